import { describe, expect, it } from '@jest/globals';
import { Clock } from '../platform/clock/clock.js';
import { OutcomeUnknown } from '../platform/event-store/event-store.errors.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import type { ProposedEvent } from '../platform/event-store/stored-event.js';
import type { RequestContext } from '../platform/http/request-context.js';
import { RandomIds } from '../platform/ids/ids.js';
import { createLogger } from '../platform/telemetry/pino-logger.js';
import { RefusedAccessJournal } from './refused-access.journal.js';

class SetClock extends Clock {
  constructor(public at: Date) {
    super();
  }

  now(): Date {
    return this.at;
  }
}

/** The one call of the store that the journal makes; keeps what was appended, or fails when told to. */
class AppendLog {
  readonly appends: (readonly ProposedEvent[])[] = [];
  isAway = false;

  append(stream: string, events: readonly ProposedEvent[]): Promise<unknown> {
    if (this.isAway) return Promise.reject(new OutcomeUnknown(stream));
    this.appends.push(events);
    return Promise.resolve();
  }

  get events(): readonly ProposedEvent[] {
    return this.appends.flat();
  }
}

const from = (clientAddress: string) =>
  ({ requestId: 'r', correlationId: 'c', clientAddress }) satisfies RequestContext;

function given() {
  const clock = new SetClock(new Date('2026-01-01T10:00:05Z'));
  const log = new AppendLog();
  const journal = new RefusedAccessJournal({
    store: log as unknown as EventStore,
    clock,
    ids: new RandomIds(),
    logger: createLogger({ logLevel: 'silent', logFormat: 'json' }, 'test'),
    addressKey: Buffer.alloc(32, 3),
  });
  return { clock, log, journal };
}

describe('refused access', () => {
  it('becomes one event a kind, source and minute, when the minute is over', async () => {
    const { clock, log, journal } = given();
    for (let i = 0; i < 1000; i += 1) journal.record('unknown_key', from('203.0.113.7'), '/api/agents');
    journal.record('unknown_key', from('203.0.113.8'));
    journal.record('role_refused', from('203.0.113.7'), '/api/agents', { credentialId: 'env-1' });
    await journal.flush();
    expect(log.events).toHaveLength(0);

    clock.at = new Date('2026-01-01T10:01:00Z');
    await journal.flush();
    expect(log.events.map(({ data }) => data)).toMatchObject([
      { kind: 'unknown_key', count: 1000, network: '203.0.113.0/24', minute: '2026-01-01T10:00:00.000Z' },
      { kind: 'unknown_key', count: 1 },
      { kind: 'role_refused', count: 1, source: 'env-1' },
    ]);
    await journal.flush();
    expect(log.appends).toHaveLength(1);
  });

  it('keeps the reasons of one kind apart', async () => {
    const { log, journal } = given();
    for (const reason of ['bad_id', 'wrong_signature', 'bad_id']) {
      journal.record('callback_refused', from('203.0.113.7'), '/api/callbacks/{agent}', { reason });
    }
    await journal.stop();
    expect(log.events.map(({ data }) => data)).toMatchObject([
      { kind: 'callback_refused', reason: 'bad_id', count: 2 },
      { kind: 'callback_refused', reason: 'wrong_signature', count: 1 },
    ]);
    expect(new Set(log.events.map(({ id }) => id)).size).toBe(2);
  });

  it('never holds an address', async () => {
    const { log, journal } = given();
    journal.record('unknown_key', from('203.0.113.77'));
    journal.record('bad_ticket', from('2001:db8:1:2:3:4:5:6'));
    await journal.stop();
    expect(log.events.map(({ data }) => (data as { network: string }).network)).toEqual([
      '203.0.113.0/24',
      '2001:db8:1::/48',
    ]);
    expect(JSON.stringify(log.events)).not.toMatch(/203\.0\.113\.77|3:4:5:6/);
  });

  it('stays bounded when a flood comes from everywhere, and counts everything', async () => {
    const { log, journal } = given();
    for (let i = 0; i < 20_000; i += 1)
      journal.record('unknown_key', from(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    await journal.stop();
    expect(log.events.length).toBeLessThanOrEqual(501);
    expect(log.events.reduce((sum, { data }) => sum + (data as { count: number }).count, 0)).toBe(20_000);
  });

  it('waits while the store is away and is appended later with the same ids', async () => {
    const { clock, log, journal } = given();
    journal.record('unknown_key', from('203.0.113.7'));
    clock.at = new Date('2026-01-01T10:01:00Z');
    log.isAway = true;
    await journal.flush();
    log.isAway = false;
    await journal.flush();
    await journal.stop();
    expect(log.events).toHaveLength(1);
  });
});
