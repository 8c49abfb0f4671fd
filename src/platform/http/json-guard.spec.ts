import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from './errors.js';
import { parseJson } from './json-guard.js';

const refused = (text: string | Buffer) => {
  try {
    parseJson(Buffer.from(text as string));
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, error: error.message, ...error.extra };
    throw error;
  }
  return undefined;
};

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('JSON from outside', () => {
  it('comes through as it is, whatever harmless value it holds', () => {
    const harmless = fc
      .jsonValue({ maxDepth: 8 })
      .filter((value) => !/__proto__|constructor|prototype/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(harmless, (value) => {
        expect(parseJson(Buffer.from(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('is refused with 400 or parsed, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const result = refused(Buffer.from(bytes));
        expect(result === undefined || result.status === 400).toBe(true);
      }),
    );
  });

  it('may nest 32 deep and no deeper, however the levels are mixed', () => {
    expect(refused(nested(32))).toBeUndefined();
    expect(refused(nested(33))).toMatchObject({ status: 400, details: ['body: nested deeper than 32'] });
    expect(refused(nested(500_000))).toMatchObject({ status: 400 });
    const levels = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(levels, (isArray) => {
        const text = isArray.reduce((inner, array) => (array ? `[${inner}]` : `{"k":${inner}}`), '1');
        expect(refused(text) === undefined).toBe(isArray.length <= 32);
      }),
    );
  });

  it('never holds a key of the prototype, at any depth, however it is written', () => {
    const key = fc.constantFrom('__proto__', 'constructor', 'prototype');
    fc.assert(
      fc.property(key, fc.nat({ max: 20 }), fc.boolean(), (name, depth, escaped) => {
        const first = name.charCodeAt(0).toString(16).padStart(4, '0');
        const written = escaped ? `\\u${first}${name.slice(1)}` : name;
        const text = `${'{"a":['.repeat(depth / 2)}{"${written}":1}${']}'.repeat(depth / 2)}`;
        expect(refused(text)).toMatchObject({ status: 400, details: [`body: the key ${name} is not allowed`] });
      }),
    );
  });

  it.each(['1e999', '-1e999', '{"a":[1e400]}'])('is refused with the number %s', (text) => {
    expect(refused(text)).toMatchObject({ details: ['body: a number is outside the range of a double'] });
  });

  it.each([
    ['NUL in a text', '"a\\u0000b"'],
    ['NUL in a key', '{"a\\u0000":1}'],
    ['half a surrogate pair', '"\\ud83d"'],
    ['the other half', '{"k":["\\ude00"]}'],
    ['half a pair in a key', '{"\\ud83dx":1}'],
  ])('is refused with %s', (_, text) => {
    expect(refused(text)).toMatchObject({ status: 400, error: 'Invalid request body' });
  });

  it('may hold escaped pairs and any other escape', () => {
    expect(parseJson(Buffer.from('"\\ud83d\\ude00\\u00e9\\u001f"'))).toBe('😀é\u001f');
  });

  it('is refused when it is no UTF-8', () => {
    expect(refused(Buffer.from([0x22, 0xff, 0x22]))).toEqual({ status: 400, error: 'Invalid request body' });
    expect(refused(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toMatchObject({ status: 400 });
  });

  it('is undefined when there is none', () => {
    expect(parseJson(Buffer.alloc(0))).toBeUndefined();
  });
});
