import { describe, expect, it } from '@jest/globals';
import { GroupCommit } from './group-commit.js';

const fulfilled = <T>(value: T): PromiseSettledResult<T> => ({ status: 'fulfilled', value });
const options = { maxItems: 100, maxWaiting: 1_000, overload: () => new Error('overload') };

describe('a group commit', () => {
  it('flushes what arrived together in one group, in order', async () => {
    const groups: (readonly number[])[] = [];
    const group = new GroupCommit<number, number>((items) => {
      groups.push(items);
      return Promise.resolve(items.map((item) => fulfilled(item * 2)));
    }, options);
    const results = await Promise.all([1, 2, 3].map((item) => group.add(item)));
    expect(results).toEqual([2, 4, 6]);
    expect(groups).toEqual([[1, 2, 3]]);
  });

  it('gathers while a flush is in flight, and never runs two at once', async () => {
    let release = (): void => {};
    const groups: (readonly number[])[] = [];
    let running = 0;
    const group = new GroupCommit<number, number>(async (items) => {
      running += 1;
      expect(running).toBe(1);
      groups.push(items);
      if (groups.length === 1) await new Promise<void>((resolve) => (release = resolve));
      running -= 1;
      return items.map(fulfilled);
    }, options);
    const first = group.add(1);
    while (groups.length === 0) await new Promise(setImmediate);
    const later = [group.add(2), group.add(3)];
    release();
    await Promise.all([first, ...later]);
    expect(groups).toEqual([[1], [2, 3]]);
  });

  it('fails every item of a group whose flush throws, and goes on with the next', async () => {
    let calls = 0;
    const group = new GroupCommit<number, number>((items) => {
      calls += 1;
      return calls === 1 ? Promise.reject(new Error('store away')) : Promise.resolve(items.map(fulfilled));
    }, options);
    const failed = await Promise.allSettled([group.add(1), group.add(2)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(group.add(3)).resolves.toBe(3);
  });

  it('waits a moment for the callers who come back together, and not for a lone one', async () => {
    const groups: (readonly number[])[] = [];
    const group = new GroupCommit<number, number>(
      (items) => {
        groups.push(items);
        return Promise.resolve(items.map(fulfilled));
      },
      { ...options, gatherMs: 20 },
    );
    const caller = async (name: number, turns: number) => {
      await group.add(name);
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      await group.add(name);
    };
    await Promise.all([caller(1, 0), caller(2, 2), caller(3, 4)]);
    expect(groups).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('loses no item that is added at the moment when the last flush ends', async () => {
    const group = new GroupCommit<number, number>((items) => Promise.resolve(items.map(fulfilled)), options);
    let value = 0;
    for (let round = 0; round < 200; round += 1) value = await group.add(value + 1);
    expect(value).toBe(200);
  });

  it('refuses what would make it wait for more than its bound', async () => {
    const group = new GroupCommit<number, number>((items) => Promise.resolve(items.map(fulfilled)), {
      ...options,
      maxWaiting: 1,
    });
    const accepted = group.add(1);
    await expect(group.add(2)).rejects.toThrow('overload');
    await expect(accepted).resolves.toBe(1);
  });
});
