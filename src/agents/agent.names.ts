/** Control, bidirectional and zero-width characters, and the byte order mark: invisible, so two names would look alike. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const LONE_SURROGATE = /\p{Cs}/u;
/** `/api/agents/register` is a route, so an agent of this name could not be asked for by it. */
const ROUTE_NAMES: ReadonlySet<string> = new Set(['register']);

export type CheckedName =
  { readonly kind: 'name'; readonly name: string } | { readonly kind: 'invalid'; readonly reason: string };

/** Trims and normalises (NFC) a name as given, or says why it cannot be one. 1 to 100 characters. */
export function checkName(given: string): CheckedName {
  if (LONE_SURROGATE.test(given)) return invalid('must be well-formed text');
  const name = given.normalize('NFC').trim();
  const length = Array.from(name).length;
  if (length < 1) return invalid('must not be blank');
  if (length > 100) return invalid('must be at most 100 characters');
  if (INVISIBLE.test(name)) return invalid('must not contain control, bidirectional or zero-width characters');
  if (name.includes(':')) return invalid('must not contain a colon');
  if (/^\p{Nd}+$/u.test(name)) return invalid('must not consist of digits only');
  if (ROUTE_NAMES.has(name)) return invalid('must not be the name of a route');
  if (foldedName(name).length === 0) return invalid('must not be blank');
  return { kind: 'name', name };
}

/** What two names have in common when people may take one for the other: NFKC and case-folding. */
export function foldedName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').trim();
}

function invalid(reason: string): CheckedName {
  return { kind: 'invalid', reason };
}
