import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { checkJson } from './json-check.js';

describe('the JSON check', () => {
  it('accepts every JSON value, and never underestimates its size', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const checked = checkJson(value);
        expect(checked).toMatchObject({ ok: true });
        expect(checked.ok && checked.maxBytes).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(value)));
      }),
    );
  });

  it('never underestimates characters that JSON writes as escapes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const checked = checkJson({ [text]: text });
        const bytes = Buffer.byteLength(JSON.stringify({ [text]: text }));
        expect(checked.ok && checked.maxBytes).toBeGreaterThanOrEqual(bytes);
      }),
    );
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;

  it.each([
    ['a bigint', { a: [{ b: 1n }] }, '/a/0/b is of type bigint'],
    ['an undefined property', { a: undefined }, '/a is of type undefined'],
    ['an undefined element', [undefined], '/0 is of type undefined'],
    ['a hole', Array.from({ length: 1 }), '/0 is of type undefined'],
    ['undefined itself', undefined, 'the value is of type undefined'],
    ['NaN', { a: Number.NaN }, '/a is NaN'],
    ['infinity', { a: -Infinity }, '/a is -Infinity'],
    ['a function', { a: () => 1 }, '/a is of type function'],
    ['a symbol', { a: Symbol('s') }, '/a is of type symbol'],
    ['a date', { a: new Date(0) }, '/a is not a plain object'],
    ['a map', { a: new Map() }, '/a is not a plain object'],
    ['bytes', { a: new Uint8Array(1) }, '/a is not a plain object'],
  ])('refuses %s and says where', (_, value, reason) => {
    expect(checkJson(value)).toEqual({ ok: false, reason });
  });

  it('refuses a cycle', () => {
    expect(checkJson(cycle)).toMatchObject({ ok: false });
  });

  it('accepts an own property called __proto__', () => {
    expect(checkJson(JSON.parse('{"__proto__":{"a":1}}'))).toMatchObject({ ok: true });
  });
});
