import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parsePosition, positionText } from './position-text.js';
import { BEFORE_EVERYTHING, comparePositions, isAfter, laterOf, type Position } from './position.js';

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 2n });
const position: fc.Arbitrary<Position> = fc.record({ commit: u64, prepare: u64 });

describe('positions', () => {
  it('are ordered as pairs, commit first', () => {
    expect(isAfter({ commit: 2n, prepare: 0n }, { commit: 1n, prepare: 9n })).toBe(true);
    expect(isAfter({ commit: 1n, prepare: 2n }, { commit: 1n, prepare: 1n })).toBe(true);
    expect(isAfter({ commit: 1n, prepare: 1n }, { commit: 1n, prepare: 1n })).toBe(false);
  });

  it('all lie after "before everything", zero too', () => {
    expect(isAfter({ commit: 0n, prepare: 0n }, BEFORE_EVERYTHING)).toBe(true);
  });

  it('have one later of two', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        expect(comparePositions(laterOf(a, b), a)).toBeGreaterThanOrEqual(0);
        expect(comparePositions(laterOf(a, b), b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('the text of a position', () => {
  it('is read back as the same position', () => {
    fc.assert(
      fc.property(position, (original) => {
        fc.pre(original.commit > 0n);
        expect(parsePosition(positionText(original, '0123abcd'), '0123abcd')).toEqual({
          kind: 'position',
          position: original,
        });
      }),
    );
  });

  it('sorts as the log does', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        const [textA, textB] = [positionText(a, '0123abcd'), positionText(b, '0123abcd')];
        expect(Math.sign(comparePositions(a, b))).toBe(textA < textB ? -1 : Number(textA > textB));
      }),
    );
  });

  it('of zeros means before everything', () => {
    expect(parsePosition(positionText(BEFORE_EVERYTHING, '0123abcd'), '0123abcd')).toEqual({
      kind: 'position',
      position: BEFORE_EVERYTHING,
    });
  });

  it('of another generation is foreign', () => {
    expect(parsePosition(positionText({ commit: 1n, prepare: 1n }, 'ffffffff'), '0123abcd')).toEqual({
      kind: 'foreign',
    });
  });

  it.each(['', '1', '42', '1-00-0123abcd', `1-${'0'.repeat(32)}-0123ABCD`, `2-${'0'.repeat(32)}-0123abcd`])(
    'is malformed when it is %p',
    (text) => {
      expect(parsePosition(text, '0123abcd')).toEqual({ kind: 'malformed' });
    },
  );
});
