import { isUtf8 } from 'node:buffer';
import { badRequest, invalid, type Refusal } from './errors.js';

const MAX_DEPTH = 32;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const LONE_SURROGATE = /\p{Surrogate}/u;

export const notJson = (): Refusal => badRequest('Invalid request body');

/**
 * Parses a JSON text that came from outside. Refused with 400 beyond plain syntax: invalid UTF-8, keys `__proto__`,
 * `constructor` and `prototype`, nesting deeper than 32, numbers outside the double range, strings with NUL or a lone
 * surrogate. An empty text is `undefined`.
 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw notJson();
  return parseJsonText(bytes.toString('utf8'));
}

/** As {@link parseJson}, for text that is already known to be well-formed. */
export function parseJsonText(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson();
  }
  // Without an escape no string can hold NUL (raw control characters are a syntax error) or half a surrogate pair.
  const reason = faultIn(value, 1, text.includes('\\u'));
  if (reason !== undefined) throw invalid([`body: ${reason}`], 'Invalid request body');
  return value;
}

function faultIn(value: unknown, depth: number, checkText: boolean): string | undefined {
  switch (typeof value) {
    case 'string':
      return checkText ? faultInText(value) : undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : 'a number is outside the range of a double';
    case 'object':
      if (value === null) return undefined;
      if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
      return Array.isArray(value) ? faultInArray(value, depth, checkText) : faultInObject(value, depth, checkText);
    default:
      return undefined;
  }
}

function faultInArray(values: readonly unknown[], depth: number, checkText: boolean): string | undefined {
  for (const value of values) {
    const fault = faultIn(value, depth + 1, checkText);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultInObject(value: object, depth: number, checkText: boolean): string | undefined {
  for (const key in value) {
    if (FORBIDDEN_KEYS.has(key)) return `the key ${key} is not allowed`;
    if (checkText) {
      const fault = faultInText(key);
      if (fault !== undefined) return fault;
    }
    const fault = faultIn((value as Record<string, unknown>)[key], depth + 1, checkText);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultInText(text: string): string | undefined {
  if (text.includes('\0')) return 'a string holds NUL';
  return LONE_SURROGATE.test(text) ? 'a string holds a lone surrogate' : undefined;
}
