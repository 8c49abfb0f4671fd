import { badRequest } from './errors.js';

/** What came after `?`: a repeated name is an array. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Page {
  readonly limit: number;
  readonly offset: number;
  /** `floor(offset / limit) + 1`, as lists answer it. */
  readonly page: number;
}

const INTEGER = /^\d{1,15}$/;

/** `limit` (1 or more, default 50, cut to the cap) and `offset` (0 or more). Anything else is 400. */
export function pageOf(query: Query, { cap = 200, byDefault = 50 } = {}): Page {
  const limit = Math.min(integer(query, 'limit', 1) ?? byDefault, cap);
  const offset = integer(query, 'offset', 0) ?? 0;
  return { limit, offset, page: Math.floor(offset / limit) + 1 };
}

/** An integer parameter of `least` to `most`; undefined when it is absent. Empty, signed and repeated ones are 400. */
export function integer(query: Query, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const parsed = typeof value === 'string' && INTEGER.test(value) ? Number(value) : Number.NaN;
  if (parsed >= least && parsed <= most) return parsed;
  const rule =
    most === Number.MAX_SAFE_INTEGER ? `an integer of ${least} or more` : `an integer from ${least} to ${most}`;
  throw badRequest(`Invalid ${name}. Expected ${rule}.`);
}

/** One of the words, or undefined when it is absent. */
export function oneOf<const T extends string>(query: Query, name: string, words: readonly T[]): T | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw badRequest(`Invalid ${name}. Expected one of ${words.join(', ')}.`);
  return word;
}

/** A single text of 1 to `most` characters, or undefined when it is absent. */
export function text(query: Query, name: string, most = 200): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= most) return value;
  throw badRequest(`Invalid ${name}. Expected a text of 1 to ${most} characters.`);
}
