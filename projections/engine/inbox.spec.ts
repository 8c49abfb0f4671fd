import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LogEntry } from '../../src/platform/event-store/event-store.js';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { Inbox } from './inbox.js';

const kinds = ['Handled', 'Other', 'Unknown'] as const;

function entry(kind: (typeof kinds)[number], index: number): LogEntry {
  const place = BigInt(index) * 100n;
  const at = { id: `id-${index}`, stream: 's-1', revision: BigInt(index), position: { commit: place, prepare: place } };
  const createdAt = new Date(0);
  return kind === 'Unknown'
    ? { ...at, type: kind, createdAt, unreadable: 'unknown-type', reason: 'nobody knows it' }
    : { ...at, type: kind, createdAt, data: {}, metadata: sampleMetadata() };
}

const logs = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 40 }).map((log) => log.map(entry));

describe('the inbox of a worker', () => {
  it('holds the same events with the same numbers, however the log is cut and what is offered twice', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.nat({ max: 12 })), fc.boolean(), (log, cuts, keepsUnknown) => {
        const whole = new Inbox(new Set(['Handled']), keepsUnknown);
        whole.offer(log);
        const inParts = new Inbox(new Set(['Handled']), keepsUnknown);
        let from = 0;
        for (const size of cuts) {
          inParts.offer(log.slice(Math.max(0, from - 2), from + size));
          from += size;
        }
        inParts.offer(log.slice(from));
        expect(inParts.read).toEqual(whole.read);
        expect(inParts.take(100)).toEqual(whole.take(100));
      }),
    );
  });

  it('gives the oldest first and says when there is room', async () => {
    const inbox = new Inbox(new Set(['Handled']), false);
    inbox.offer([entry('Handled', 1), entry('Other', 2), entry('Handled', 3)]);
    expect(inbox.room(3)).toBeUndefined();
    const waiting = inbox.room(2);
    expect(inbox.take(1).map(({ ordinal }) => ordinal)).toEqual([1]);
    inbox.makeRoom();
    await waiting;
    expect(inbox.oldest?.ordinal).toBe(3);
    expect(inbox.read.ordinal).toBe(3);
  });
});
