const MAX_DEPTH = 64;

/** An upper bound of the bytes that a value takes as JSON, or the reason why it is not JSON. */
export type JsonCheck =
  { readonly ok: true; readonly maxBytes: number } | { readonly ok: false; readonly reason: string };

/**
 * Checks that a value is plain JSON: what is written is what will be read. Refuses bigint, `undefined` (also as a
 * property or element), NaN and infinities, functions, symbols, class instances (a Date too), cycles and nesting beyond
 * 64 levels. The 6.2.1 client must never see any of these: a bigint in event data makes its append hang for ever and
 * ends the process by an unhandled rejection.
 */
export function checkJson(value: unknown): JsonCheck {
  try {
    return { ok: true, maxBytes: maxBytesOf(value, 0) };
  } catch (error) {
    if (error instanceof NotJson) return { ok: false, reason: `${error.path || 'the value'} ${error.message}` };
    throw error;
  }
}

class NotJson extends Error {
  path = '';

  under(key: string | number): this {
    this.path = `/${key}${this.path}`;
    return this;
  }
}

function maxBytesOf(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return value.length * 6 + 2;
    case 'boolean':
      return 5;
    case 'number':
      if (Number.isFinite(value)) return 25;
      throw new NotJson(`is ${String(value)}`);
    case 'object':
      if (value === null) return 4;
      if (depth >= MAX_DEPTH) throw new NotJson(`is nested deeper than ${String(MAX_DEPTH)} levels, or a cycle`);
      return Array.isArray(value) ? maxBytesOfArray(value, depth + 1) : maxBytesOfObject(value, depth + 1);
    default:
      throw new NotJson(`is of type ${typeof value}`);
  }
}

function maxBytesOfArray(value: readonly unknown[], depth: number): number {
  let bytes = 2;
  let index = 0;
  try {
    for (; index < value.length; index++) bytes += maxBytesOf(value[index], depth) + 1;
  } catch (error) {
    throw error instanceof NotJson ? error.under(index) : error;
  }
  return bytes;
}

function maxBytesOfObject(value: object, depth: number): number {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new NotJson('is not a plain object');
  let bytes = 2;
  let key = '';
  try {
    for (key of Object.keys(value)) {
      bytes += key.length * 6 + 4 + maxBytesOf((value as Record<string, unknown>)[key], depth);
    }
  } catch (error) {
    throw error instanceof NotJson ? error.under(key) : error;
  }
  return bytes;
}
