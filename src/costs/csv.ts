const NEEDS_QUOTES = /[",\r\n]/;
const FORMULA = /^[=+\-@\t\r]/;

/**
 * One line of RFC 4180. A text that a spreadsheet would take for a formula gets a leading apostrophe, unless `raw`;
 * numbers are given as numbers or bigints, and exact decimals as {@link Plain}.
 */
export function csvLine(cells: readonly CsvCell[], raw = false): string {
  return `${cells.map((cell) => csvCell(cell, raw)).join(',')}\r\n`;
}

/** Text that is ours, such as a decimal: never a formula. */
export class Plain {
  constructor(readonly text: string) {}
}

export type CsvCell = string | number | bigint | Plain | null;

function csvCell(cell: CsvCell, raw: boolean): string {
  if (cell === null) return '';
  if (cell instanceof Plain) return cell.text;
  if (typeof cell !== 'string') return String(cell);
  const text = !raw && FORMULA.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
