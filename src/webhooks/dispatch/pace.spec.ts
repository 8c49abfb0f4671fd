import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Pace } from './pace.js';

describe('the pace of an endpoint', () => {
  it('[OUT-9] of 10 a second lets at most 105 go in any 10 s, whenever they come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 200, maxLength: 400 }), (gaps) => {
        const pace = new Pace(10);
        const sent: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap < 300 ? 0 : gap;
          now += pace.waitMs(now);
          pace.take(now);
          sent.push(now);
        }
        for (const [index, from] of sent.entries()) {
          const within = sent.slice(index).filter((at) => at < from + 10_000).length;
          expect(within).toBeLessThanOrEqual(105);
        }
      }),
    );
  });

  it('lets as many go as it says', () => {
    const pace = new Pace(50);
    let now = 0;
    for (let count = 0; count < 500; count += 1) {
      now += pace.waitMs(now);
      pace.take(now);
    }
    expect(now).toBeGreaterThan(9_800);
    expect(now).toBeLessThanOrEqual(10_000);
  });
});
