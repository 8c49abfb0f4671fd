/**
 * Array parameters in PostgreSQL's text form (`{1,2,NULL}`), made by hand: the driver's generic path costs several
 * times as much per element, and a projection writes some twenty columns an event.
 * https://www.postgresql.org/docs/current/arrays.html#ARRAYS-INPUT
 */

/** Numbers, bigints, booleans and UUIDs: values whose text holds nothing to escape. */
export function plainArray(values: readonly (number | bigint | boolean | string | null)[]): string {
  let text = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    text += i === 0 ? '' : ',';
    text += value === null || value === undefined ? 'NULL' : String(value);
  }
  return text + '}';
}

const NEEDS_ESCAPE = /["\\]/;

/** Texts, quoted. U+0000, which PostgreSQL cannot hold in a text, becomes U+FFFD. */
export function textArray(values: readonly (string | null)[]): string {
  let text = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    text += i === 0 ? '' : ',';
    text += value === null || value === undefined ? 'NULL' : quoted(value);
  }
  return text + '}';
}

function quoted(value: string): string {
  const clean = value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  return NEEDS_ESCAPE.test(clean) ? `"${clean.replaceAll(/["\\]/g, String.raw`\$&`)}"` : `"${clean}"`;
}
