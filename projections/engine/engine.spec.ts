import { describe, expect, it } from '@jest/globals';
import { BatchSize } from './batch-size.js';
import { parseProgress, progressPayload } from './checkpoint.js';
import { lagEvents } from './lag.js';
import { plainArray, textArray } from './pg-array.js';
import { isTransient } from './sql.js';

const at = (place: number, ordinal: number) => ({ position: position(place), ordinal });
const position = (place: number) => ({ commit: BigInt(place), prepare: BigInt(place) });

describe('array parameters', () => {
  it('escape what PostgreSQL would read as syntax, and keep nothing it cannot hold', () => {
    expect(textArray(['a', null, 'NULL', '', 'say "hi" \\ {,}', 'nul\0nul'])).toBe(
      '{"a",NULL,"NULL","","say \\"hi\\" \\\\ {,}","nul\uFFFDnul"}',
    );
    expect(plainArray([1, 2n, null, true])).toBe('{1,2,NULL,true}');
    expect(plainArray([])).toBe('{}');
  });
});

describe('the size of a batch', () => {
  it('doubles while full batches are quick, and stays when they are not full', () => {
    const size = new BatchSize();
    size.took(499, 10);
    expect(size.current).toBe(500);
    for (let i = 0; i < 10; i++) size.took(size.current, 10);
    expect(size.current).toBe(5_000);
  });

  it('halves when a batch was slow, but not below its least', () => {
    const size = new BatchSize();
    for (let i = 0; i < 10; i++) size.took(1, 1_000);
    expect(size.current).toBe(100);
  });

  it('stays where it was forced to', () => {
    const size = new BatchSize(7);
    size.took(7, 1);
    size.took(7, 10_000);
    expect(size.current).toBe(7);
  });
});

describe('the lag', () => {
  it('is counted as far as the log has been read', () => {
    expect(lagEvents(at(100, 10), at(500, 25), position(500))).toBe(15n);
    expect(lagEvents(at(500, 25), at(500, 25), position(500))).toBe(0n);
  });

  it('is estimated by the density of the log beyond that, and never 0 while the head is ahead', () => {
    expect(lagEvents(at(999, 10), at(999, 10), position(1_999))).toBe(10n);
    expect(lagEvents(at(-1, 0), undefined, position(0))).toBe(1n);
    expect(lagEvents(at(999, 10), undefined, position(1_000))).toBe(1n);
  });

  it('ignores a reader that lies behind the checkpoint', () => {
    expect(lagEvents(at(500, 25), at(100, 10), position(500))).toBe(0n);
  });
});

describe('the notification of a moved checkpoint', () => {
  it('is read back as it was written, from nothing yet to the largest position', () => {
    for (const checkpoint of [at(-1, 0), { position: { commit: 2n ** 63n - 1n, prepare: 7n }, ordinal: 12 }]) {
      expect(parseProgress(progressPayload('token-usage', 2, checkpoint))).toEqual({
        projection: 'token-usage',
        version: 2,
        checkpoint,
      });
    }
    expect(parseProgress('something else')).toBeUndefined();
  });
});

describe('an error of the database', () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });

  it('is transient when the database is away, busy or in recovery', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', '57P01', '57P03', '53300', '08006', '40P01', '40001', '25006']) {
      expect([code, isTransient(withCode(code))]).toEqual([code, true]);
    }
    expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isTransient(new AggregateError([withCode('ECONNREFUSED')]))).toBe(true);
  });

  it('is not when the statement or the data is at fault', () => {
    for (const code of ['23505', '22021', '42P01', '21000']) {
      expect([code, isTransient(withCode(code))]).toEqual([code, false]);
    }
    expect(isTransient(new TypeError('x is not a function'))).toBe(false);
  });
});
