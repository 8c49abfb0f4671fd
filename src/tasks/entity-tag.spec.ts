import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from '../platform/http/errors.js';
import { etagOf, expectedRevisions, isKnown } from './entity-tag.js';

describe('If-Match', () => {
  it.each([
    { header: undefined, expected: undefined },
    { header: '*', expected: undefined },
    { header: '"3"', expected: [3n] },
    { header: '3', expected: [3n] },
    { header: '"3", "4"', expected: [3n, 4n] },
    { header: 'W/"3"', expected: [] },
    { header: '"another server’s"', expected: [] },
  ])('$header goes by $expected', ({ header, expected }) => {
    expect(expectedRevisions(header)).toEqual(expected);
  });

  it('is refused when it is malformed, whatever it is', () => {
    for (const header of ['', 'a b', '"1" "2"', ',']) {
      expect(() => expectedRevisions(header)).toThrow('Invalid If-Match');
    }
    fc.assert(
      fc.property(fc.string(), (header) => {
        try {
          expectedRevisions(header);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
    );
  });

  it('takes every tag that was given out', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 53n }), (revision) => {
        expect(expectedRevisions(etagOf(revision))).toEqual([revision]);
        expect(isKnown(etagOf(revision), revision)).toBe(true);
      }),
    );
  });
});

describe('If-None-Match', () => {
  it('knows a revision by its tag, weak or strong, in a list, or by a star', () => {
    for (const header of ['"3"', 'W/"3"', '"1", "3"', '*']) expect(isKnown(header, 3n)).toBe(true);
    for (const header of [undefined, '', '"4"', '"33"', '"x"', ',']) expect(isKnown(header, 3n)).toBe(false);
  });
});
