import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decimalOf, shortestDecimal, unitsOf } from './decimal.js';

describe('a decimal text', () => {
  it('is read exactly at any size', () => {
    expect(unitsOf('7.5', 6)).toBe(7_500_000n);
    expect(unitsOf('999999.999999', 6)).toBe(999_999_999_999n);
    expect(unitsOf('123456789012345678901234567890.000000000001', 12)).toBe(
      123456789012345678901234567890000000000001n,
    );
    expect(unitsOf('-0.000001', 6)).toBe(-1n);
  });

  it('may have zeros beyond the decimals asked for, and nothing else', () => {
    expect(unitsOf('1.2500000', 6)).toBe(1_250_000n);
    expect(() => unitsOf('1.0000001', 6)).toThrow(RangeError);
  });

  it.each(['', '.5', '5.', '1e3', '+1', ' 1', '1 ', '0x10', 'NaN', '1,5', '--1'])('is refused as %j', (text) => {
    expect(() => unitsOf(text, 6)).toThrow(RangeError);
    expect(() => shortestDecimal(text)).toThrow(RangeError);
  });

  it('is written with all its decimals', () => {
    expect(decimalOf(7_175_000_000_000n, 12)).toBe('7.175000000000');
    expect(decimalOf(1n, 12)).toBe('0.000000000001');
    expect(decimalOf(0n, 12)).toBe('0.000000000000');
    expect(decimalOf(-1_500_000n, 6)).toBe('-1.500000');
    expect(decimalOf(-7n, 0)).toBe('-7');
  });

  it('has one shortest form', () => {
    expect(['003.750', '3', '0.0', '-0.00', '10', '0.10'].map(shortestDecimal)).toEqual([
      '3.75',
      '3',
      '0',
      '0',
      '10',
      '0.1',
    ]);
  });

  it('comes back the same from units and to units', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(15), (units, decimals) => {
        const text = decimalOf(units, decimals);
        expect(unitsOf(text, decimals)).toBe(units);
        expect(unitsOf(shortestDecimal(text), decimals)).toBe(units);
      }),
    );
  });
});
