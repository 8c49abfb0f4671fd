import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decimalOf, shortestDecimal } from '../../projections/cost/decimal.js';
import { reportedCost } from './reported-cost.js';

describe('the figure of a tool', () => {
  it.each([
    [0, '0'],
    ['0', '0'],
    [0.1, '0.1'],
    ['12.50', '12.5'],
    [1e-7, '0.0000001'],
    ['1e-12', '0.000000000001'],
    ['5e-13', '0'],
    ['15e-13', '0.000000000002'],
    ['25e-13', '0.000000000002'],
    ['2.5000001e-12', '0.000000000003'],
    [0.012345678901234567, '0.012345678901'],
    ['0.9999999999999', '1'],
    ['1.5e2', '150'],
    ['99999999999999999999', '99999999999999999999'],
  ])('%s is %s', (given, expected) => {
    expect(reportedCost(given)).toBe(expected);
  });

  it.each([
    -1,
    '-0.1',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    'x',
    '',
    '1,5',
    '1e400',
    '1e999',
    '100000000000000000000',
    null,
    undefined,
    true,
    {},
    [],
  ])('%p is none', (given) => {
    expect(reportedCost(given)).toBeUndefined();
  });

  it('with at most twelve decimals is taken exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (units) => {
        const text = decimalOf(units, 12);
        expect(reportedCost(text)).toBe(shortestDecimal(text));
      }),
    );
  });
});
