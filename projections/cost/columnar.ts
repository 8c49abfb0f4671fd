/**
 * How a column travels: a `text` may hold anything, null too; what is `plain`, as a number or an instant, is never null
 * and has no commas.
 */
export type ColumnKind = 'text' | 'plain';
export type Columns = Readonly<Record<string, ColumnKind>>;

/** One row that holds every column of many rows: for a column of texts a list, for a plain one a text with commas. */
export type ColumnarRecord = Readonly<Record<string, readonly (string | null)[] | string | null>>;

/**
 * SQL of one row that holds all rows of `rows`, in their order. The driver takes a row apart cell by cell: over thousands
 * of rows that costs more than their sums.
 */
export function columnar(columns: Columns, rows: string): string {
  const lists = Object.entries(columns).map(([name, kind]) =>
    kind === 'text' ? `json_agg(c.${name}::text) as ${name}` : `string_agg(c.${name}::text, ',') as ${name}`,
  );
  return `select ${lists.join(', ')} from (${rows}) c`;
}

/** The rows that {@link columnar} put together; none when there were none. */
export function rowsOf<Row>(columns: Columns, record: ColumnarRecord | undefined): Row[] {
  const names = Object.keys(columns);
  const lists = names.map((name) => listOf(record?.[name] ?? null));
  return Array.from({ length: lists[0]?.length ?? 0 }, (_, at) => {
    const row: Record<string, string | null> = {};
    names.forEach((name, index) => (row[name] = lists[index]?.[at] ?? null));
    return row as Row;
  });
}

function listOf(column: ColumnarRecord[string] | null): readonly (string | null)[] {
  return typeof column === 'string' ? column.split(',') : (column ?? []);
}
