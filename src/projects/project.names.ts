const MAX_SLUG = 100;
const MAX_DERIVED_PREFIX = 5;

/** `Build & Ship` is `build-ship`. Empty when the name has neither a letter nor a digit. */
export function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-');
  return Array.from(words)
    .slice(0, MAX_SLUG)
    .join('')
    .replaceAll(/^-+|-+$/g, '');
}

/** The beginning of the slug as a ticket prefix: `BUILD`. Empty when it has no Latin letter and no digit. */
export function prefixOf(slug: string): string {
  return slug
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '')
    .slice(0, MAX_DERIVED_PREFIX);
}
