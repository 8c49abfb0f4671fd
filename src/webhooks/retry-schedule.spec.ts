import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MOST_ATTEMPTS, nextAttemptAt, retryAfterSeconds } from './retry-schedule.js';

const failedAt = new Date('2026-01-01T00:00:00Z');
const WAITS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

function waitOf(attempt: number, random: number, outcome: number | string = 500, retryAfter?: string) {
  const at = nextAttemptAt({ attempt, failedAt, outcome, retryAfter }, { random: () => random, factor: 1 });
  return at === undefined ? undefined : (at.getTime() - failedAt.getTime()) / 1_000;
}

describe('the retry schedule', () => {
  it('waits as stated, a fifth more or less, and ends after ten attempts', () => {
    for (const [index, wait] of WAITS.entries()) {
      expect(waitOf(index + 1, 0.5)).toBeCloseTo(wait);
      expect(waitOf(index + 1, 0)).toBeCloseTo(wait * 0.8);
      expect(waitOf(index + 1, 1)).toBeCloseTo(wait * 1.2);
    }
    expect(waitOf(MOST_ATTEMPTS, 0.5)).toBeUndefined();
    expect(MOST_ATTEMPTS).toBe(10);
  });

  it('waits a minute at least after overload and timeouts', () => {
    for (const outcome of [429, 502, 504, 'timeout']) expect(waitOf(1, 0.5, outcome)).toBe(60);
    for (const outcome of [400, 500, 503, 'reset']) expect(waitOf(1, 0.5, outcome)).toBe(5);
  });

  it('obeys a later Retry-After, in seconds or as a date, up to a day', () => {
    expect(waitOf(1, 0.5, 503, '120')).toBe(120);
    expect(waitOf(2, 0.5, 503, '120')).toBe(300);
    expect(waitOf(1, 0.5, 503, 'Thu, 01 Jan 2026 01:00:00 GMT')).toBe(3_600);
    expect(waitOf(1, 0.5, 503, '9999999')).toBe(86_400);
    for (const nonsense of ['soon', '-5', '1.5', '', '9'.repeat(40)]) expect(waitOf(1, 0.5, 503, nonsense)).toBe(5);
  });

  it('never throws, whatever a receiver says', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (text, attempt) => {
        const seconds = retryAfterSeconds(text, failedAt);
        expect(seconds === undefined || seconds >= 0).toBe(true);
        const wait = waitOf(attempt, 0.5, 500, text);
        expect(wait === undefined || (wait >= 5 && wait <= 86_400 * 1.2)).toBe(true);
      }),
    );
  });
});
