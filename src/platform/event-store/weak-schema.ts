const limits: ReadonlySet<string> = new Set([
  'additionalProperties',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
]);

/**
 * The schema by which stored events are recognised: types, required fields and enumerations stay, limits and the ban on
 * unknown fields go. So a field that a newer writer added does not make an event unreadable, and reading stays cheap.
 */
export function weakened(schema: object): object {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !limits.has(keyword))
      .map(([keyword, value]) => [keyword, weakenedKeyword(keyword, value)]),
  );
}

function weakenedKeyword(keyword: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (keyword === 'properties') {
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, weakened(schema as object)]));
  }
  return keyword === 'items' ? weakened(value) : value;
}
