/**
 * How a column travels: a `text` may hold anything, null too; what is `plain`, as a number or an instant, is never null
 * and has no commas.
 */
export type ColumnKind = 'text' | 'plain';
export type Columns = Readonly<Record<string, ColumnKind>>;

/** What a column came as: for a `text` a list, for a `plain` one a text with commas; null: there were no rows. */
type Column = readonly (string | null)[] | string | null | undefined;

/** One row that holds every column of many rows, and in `shown` how many. */
export type ColumnarRecord = Readonly<Record<string, Column>>;

/**
 * SQL of one row that holds all rows of `rows`, in their order. The driver takes a row apart cell by cell: over thousands
 * of rows that costs more than their sums.
 */
export function columnar(columns: Columns, rows: string): string {
  const lists = Object.entries(columns).map(([name, kind]) =>
    kind === 'text' ? `json_agg(c.${name}::text) as ${name}` : `string_agg(c.${name}::text, ',') as ${name}`,
  );
  return `select count(*) as shown, ${lists.join(', ')} from (${rows}) c`;
}

/** What a column holds, a row each. */
export function textsOf(column: Column): readonly (string | null)[] {
  return typeof column === 'string' ? column.split(',') : (column ?? []);
}

/** The same of a plain column, which holds no null. */
export function plainTextsOf(column: Column): readonly string[] {
  return typeof column === 'string' ? column.split(',') : [];
}

const COMMA = 44;
const ZERO = 48;
/** So many digits are exact in any number of JavaScript. */
const SAFE_DIGITS = 15;

/** The integers of a plain column. Digit by digit: to convert every text by itself takes three times as long. */
export function countsOf(column: Column): readonly bigint[] {
  if (typeof column !== 'string') return [];
  const counts: bigint[] = [];
  let from = 0;
  let value = 0;
  for (let at = 0; at <= column.length; at += 1) {
    const code = at === column.length ? COMMA : column.charCodeAt(at);
    if (code === COMMA) {
      const isSafe = at - from <= SAFE_DIGITS && value >= 0;
      counts.push(isSafe ? BigInt(value) : BigInt(column.slice(from, at)));
      from = at + 1;
      value = 0;
    } else {
      value = code < ZERO ? -Infinity : value * 10 + (code - ZERO);
    }
  }
  return counts;
}

/** Lists of equal length as rows of them. */
export function rowsOf<Row extends object>(lists: { readonly [Name in keyof Row]: readonly Row[Name][] }): Row[] {
  const names = Object.keys(lists) as (keyof Row)[];
  const [first] = names;
  const length = first === undefined ? 0 : lists[first].length;
  return Array.from({ length }, (_, at) => {
    const row: Partial<Row> = {};
    for (const name of names) row[name] = lists[name][at];
    return row as Row;
  });
}
