const MENTION = /(?<![A-Za-z0-9._-])@([A-Za-z0-9][A-Za-z0-9._-]{0,63})/g;
const TRAILING_MARKS = /[._-]+$/;

/** How a name is mentioned: lower case, blanks as `-`. */
export function handleOf(name: string): string {
  return name.toLowerCase().replaceAll(' ', '-');
}

/** The handles that a text mentions, each once, in order. */
export function handlesIn(text: string | null): readonly string[] {
  if (text === null) return [];
  return [
    ...new Set([...text.matchAll(MENTION)].flatMap(([, handle]) => (handle === undefined ? [] : [handleOf(handle)]))),
  ];
}

/** What a handle may stand for, most exact first: at the end of a sentence the full stop is not part of the name. */
export function readingsOf(handle: string): readonly string[] {
  const bare = handle.replace(TRAILING_MARKS, '');
  return bare === handle ? [handle] : [handle, bare];
}

export function mentions(text: string | null, name: string): boolean {
  const wanted = handleOf(name);
  return handlesIn(text).some((handle) => readingsOf(handle).includes(wanted));
}
