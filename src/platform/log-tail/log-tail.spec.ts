import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { sample, type SampleEvent } from '../../../test/support/sample-events.js';
import { ScriptedLog } from '../../../test/support/scripted-log.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { isAfter, type Position } from '../event-store/position.js';
import { LogTail, type LogTailOptions } from './log-tail.js';

describe('the log tail', () => {
  const tails: LogTail[] = [];

  function tailOf(log: ScriptedLog, options: LogTailOptions = { proveEveryMs: 20 }) {
    const tail = new LogTail(log, quietLogger, options);
    tails.push(tail);
    const seen: string[] = [];
    const positions: Position[] = [];
    tail.onBatch((entries, upTo) => {
      seen.push(...entries.map((entry) => entry.id));
      positions.push(upTo);
    });
    tail.start();
    return { tail, seen, positions };
  }

  afterEach(async () => {
    await Promise.all(tails.splice(0).map((tail) => tail.stop()));
  });

  it('hands out every event once, in order, without the raw beats', async () => {
    const log = new ScriptedLog();
    const events = Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? sample.heartbeat(1) : sample.statusChanged(i)));
    await appendAll(log, events.slice(0, 20));
    const { seen, positions } = tailOf(log);
    await appendAll(log, events.slice(20));
    const expected = events.filter(({ stream }) => !stream.startsWith('heartbeat-')).map(({ event }) => event.id);
    await eventually('all events', () => seen.length >= expected.length);
    expect(seen).toEqual(expected);
    expect(positions.every((each, i) => i === 0 || isAfter(each, positions[i - 1] ?? each))).toBe(true);
  });

  it('begins at most the given number of events before the head', async () => {
    const log = new ScriptedLog();
    await appendAll(
      log,
      Array.from({ length: 30 }, (_, i) => sample.statusChanged(i)),
    );
    const { tail, seen } = tailOf(log, { behindHead: 10, proveEveryMs: 20 });
    await eventually('live', () => tail.isLive(1_000));
    expect(seen).toEqual(log.entries.slice(21).map((entry) => entry.id));
    expect(tail.beginning).toEqual(log.entries[20]?.position);
  });

  it('passes a stretch of raw beats although no checkpoint comes', async () => {
    const log = new ScriptedLog();
    log.checkpointEvery = 1_000_000;
    await appendAll(log, [sample.statusChanged(1)]);
    const { tail } = tailOf(log);
    await appendAll(
      log,
      Array.from({ length: 100 }, () => sample.heartbeat(1)),
    );
    const head = await log.head();
    if (head === undefined) throw new Error('the log is empty');
    expect(await tail.waitFor(head, 5_000)).toBe(true);
    expect(tail.isLive(5_000)).toBe(true);
  });

  it('says that a position beyond the log was not reached', async () => {
    const log = new ScriptedLog();
    const { tail } = tailOf(log);
    expect(await tail.waitFor({ commit: 1_000n, prepare: 1_000n }, 30)).toBe(false);
  });

  it('is not live while events that the log holds are held back, and is again after', async () => {
    const log = new ScriptedLog();
    await appendAll(log, [sample.statusChanged(1)]);
    const { tail, seen } = tailOf(log);
    await eventually('live', () => tail.isLive(200));
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    log.gates.beforeBatch = () => held;
    await appendAll(log, [sample.statusChanged(2)]);
    await eventually('no longer live', () => !tail.isLive(50));
    release();
    await eventually('live again', () => tail.isLive(200));
    expect(seen).toEqual([log.entries[1]?.id]);
  });

  it('starts when the store comes, if it was away at first', async () => {
    const log = new ScriptedLog();
    log.isAway = true;
    const { tail, seen } = tailOf(log);
    log.comeBack();
    await appendAll(log, [sample.statusChanged(1)]);
    await tail.started;
    await eventually('live', () => tail.isLive(1_000));
    expect(seen.length).toBeLessThanOrEqual(1);
  });

  it('serves the other listeners when one fails', async () => {
    const log = new ScriptedLog();
    const tail = new LogTail(log, quietLogger, { proveEveryMs: 20 });
    tails.push(tail);
    const seen: string[] = [];
    tail.onBatch(() => {
      throw new Error('a bug');
    });
    tail.onBatch((entries) => seen.push(...entries.map((entry) => entry.id)));
    tail.start();
    await appendAll(log, [sample.statusChanged(1), sample.statusChanged(2)]);
    await eventually('both events', () => seen.length === 2);
  });

  it('subscribes again when its subscription stalls while the log has more', async () => {
    const log = new ScriptedLog();
    await appendAll(log, [sample.statusChanged(1)]);
    let stalled = true;
    log.gates.beforeBatch = () => (stalled ? new Promise(() => {}) : Promise.resolve());
    const { tail, seen } = tailOf(log, { proveEveryMs: 10, stalledAfterMs: 50 });
    await eventually('a subscription', () => log.open.length === 1);
    stalled = false;
    await appendAll(log, [sample.statusChanged(2)]);
    await eventually('the event', () => seen.length === 1);
    await eventually('live', () => tail.isLive(5_000));
    expect(log.open).toEqual(['log-tail']);
  });
});

async function appendAll(log: ScriptedLog, events: readonly SampleEvent[]): Promise<void> {
  for (const { stream, event } of events) await log.append(stream, [event], 'any');
}
