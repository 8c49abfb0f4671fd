import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { forecastOf, type SpendSoFar } from './budget-forecast.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const base: SpendSoFar = {
  spentUsd: '40.000000000000',
  limitUsd: '100',
  trailingUsd: '14.000000000000',
  trailingMs: 7 * DAY,
  nowMs: 20 * DAY,
  untilMs: 30 * DAY,
};

describe('a forecast', () => {
  it('goes on with the mean of the trailing days to the end of the period', () => {
    expect(forecastOf(base)).toEqual({
      kind: 'known',
      meanHourlyUsd: '0.083333333333',
      endOfPeriodUsd: '60.000000000000',
      reachesLimitAtMs: null,
    });
  });

  it('says when the limit is reached, if it is within the period', () => {
    expect(forecastOf({ ...base, limitUsd: '50' })).toMatchObject({ reachesLimitAtMs: 25 * DAY });
    expect(forecastOf({ ...base, limitUsd: '60' })).toMatchObject({ reachesLimitAtMs: null });
    expect(forecastOf({ ...base, limitUsd: '58' })).toMatchObject({ reachesLimitAtMs: 29 * DAY });
  });

  it('of a limit that is reached has no such moment', () => {
    expect(forecastOf({ ...base, limitUsd: '40' })).toMatchObject({ reachesLimitAtMs: null });
  });

  it('of a shorter history takes the mean over that', () => {
    expect(forecastOf({ ...base, trailingMs: DAY, trailingUsd: '2.400000000000' })).toMatchObject({
      meanHourlyUsd: '0.100000000000',
      endOfPeriodUsd: '64.000000000000',
    });
  });

  it('is not made of less than a day, and says so', () => {
    const unknown = { kind: 'unknown', reason: 'less than 24 hours of history' };
    expect(forecastOf({ ...base, trailingMs: DAY - 1 })).toEqual(unknown);
    expect(forecastOf({ ...base, trailingMs: 0, trailingUsd: '0' })).toEqual(unknown);
  });

  it('without spending stays where it is', () => {
    expect(forecastOf({ ...base, trailingUsd: '0' })).toEqual({
      kind: 'known',
      meanHourlyUsd: '0.000000000000',
      endOfPeriodUsd: '40.000000000000',
      reachesLimitAtMs: null,
    });
  });

  it('never throws, and never lies below what is spent', () => {
    const usd = fc
      .bigInt({ min: 0n, max: 10n ** 30n })
      .map((units) => `${units / 10n ** 12n}.${String(units % 10n ** 12n).padStart(12, '0')}`);
    fc.assert(
      fc.property(
        usd,
        usd,
        usd,
        fc.nat(7 * DAY),
        fc.nat(31 * DAY),
        (spentUsd, limitUsd, trailingUsd, trailingMs, left) => {
          const forecast = forecastOf({ spentUsd, limitUsd, trailingUsd, trailingMs, nowMs: 0, untilMs: left });
          if (forecast.kind === 'unknown') return;
          expect(BigInt(forecast.endOfPeriodUsd.replace('.', ''))).toBeGreaterThanOrEqual(
            BigInt(spentUsd.replace('.', '')),
          );
          expect(forecast.reachesLimitAtMs ?? 0).toBeLessThanOrEqual(left);
        },
      ),
    );
  });
});
