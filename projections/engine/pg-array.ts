/**
 * Array parameters in PostgreSQL's text form (`{1,2,NULL}`), made by hand: the driver's generic path costs several
 * times as much per element, and a projection writes some twenty columns an event.
 * https://www.postgresql.org/docs/current/arrays.html#ARRAYS-INPUT
 */

/** Numbers, bigints, booleans and UUIDs: values whose text holds nothing to escape. */
export function plainArray(values: readonly (number | bigint | boolean | string | null)[]): string {
  return `{${values.map(plain).join(',')}}`;
}

/** Texts, quoted. U+0000, which PostgreSQL cannot hold in a text, becomes U+FFFD. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map(quoted).join(',')}}`;
}

function plain(value: number | bigint | boolean | string | null): string | number | bigint | boolean {
  return value ?? 'NULL';
}

const NEEDS_CARE = /["\\\0]/;

function quoted(value: string | null): string {
  if (value === null) return 'NULL';
  if (!NEEDS_CARE.test(value)) return `"${value}"`;
  const escaped = value.replaceAll('\0', '\uFFFD').replaceAll(/["\\]/g, String.raw`\$&`);
  return `"${escaped}"`;
}
