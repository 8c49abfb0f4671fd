import { describe, expect, it } from '@jest/globals';
import { regressionOf } from './regression-query.js';

const now = new Date('2026-03-01T00:00:00.700Z');
const seconds = Math.floor(now.getTime() / 1_000);

describe('the windows of a regression comparison', () => {
  it('lie on both sides of the change, equally long', () => {
    expect(regressionOf({ beta_start: String(seconds - 1_000) }, now)).toEqual({
      betaStart: seconds - 1_000,
      lookbackSeconds: 604_800,
      baseline: { start: seconds - 2_001, end: seconds - 1_000 },
      post: { start: seconds - 1_000, end: seconds + 1 },
    });
  });

  it('look back no further than asked, and between a minute and 30 days', () => {
    const lookback = (value: string) =>
      regressionOf({ beta_start: '2026-01-01T00:00:00Z', lookback_seconds: value }, now);
    expect(lookback('100').baseline.start).toBe(Date.parse('2026-01-01T00:00:00Z') / 1_000 - 100);
    expect(lookback('0').lookbackSeconds).toBe(60);
    expect(lookback('99999999').lookbackSeconds).toBe(2_592_000);
    expect(() => lookback('1.5')).toThrow('Invalid lookback_seconds.');
  });

  it('start now at the latest, and never before the time began', () => {
    expect(regressionOf({ beta_start: String(seconds) }, now).baseline.start).toBe(seconds - 60);
    expect(regressionOf({ beta_start: '5' }, now).baseline).toEqual({ start: 0, end: 5 });
    expect(() => regressionOf({ beta_start: String(seconds + 1) }, now)).toThrow('must not be in the future');
  });

  it.each([undefined, ''])('need a start (%j)', (beta_start) => {
    expect(() => regressionOf({ beta_start }, now)).toThrow('beta_start query parameter is required');
  });

  it.each(['x', '-1', '0', '1.5', '2026-01-01', '2026-02-30T00:00:00Z', ['1', '2']])('refuse %j', (beta_start) => {
    expect(() => regressionOf({ beta_start }, now)).toThrow('Invalid beta_start.');
  });
});
