import { describe, expect, it } from '@jest/globals';
import { csvLine, Plain } from './csv.js';

describe('a line of CSV', () => {
  it('quotes what would break it', () => {
    expect(csvLine(['a', 'b,c', 'say "x"', 'two\nlines', null, 1, 2n, new Plain('0.000001')])).toBe(
      'a,"b,c","say ""x""","two\nlines",,1,2,0.000001\r\n',
    );
  });

  it.each(['=1+1', '+1', '-1', '@x', '\tx', '\rx'])('makes the formula %j harmless', (text) => {
    const [cell] = csvLine([text]).split('\r\n');
    expect(cell?.replace(/^"/, '')).toMatch(/^'/);
    expect(csvLine([text], true)).not.toContain("'");
  });

  it('leaves numbers below zero alone', () => {
    expect(csvLine([-1, new Plain('-0.5')])).toBe('-1,-0.5\r\n');
  });
});
