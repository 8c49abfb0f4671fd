import type { PriceBookRevised, PriceEntry, PriceRate } from '../../../src/prices/prices.events.js';
import type { UsageFacts } from '../../../src/tokens/tokens.events.js';
import { idOf, type Written } from '../../engine/testing/log-of.js';

/** Where clocks change in New York and Berlin, where a day begins in Kolkata, and where rates below begin and end. */
export const INSTANTS = [
  // a day that begins, ends and begins again within one hour of UTC, in St. John's
  '2010-11-07T02:30:30.000Z',
  '2010-11-07T02:31:00.000Z',
  '2025-03-09T06:59:59.999Z',
  '2025-03-09T07:00:00.000Z',
  '2025-03-30T00:59:59.999Z',
  '2025-03-30T01:00:00.000Z',
  '2025-10-26T01:00:00.000Z',
  '2025-11-02T06:00:00.000Z',
  '2025-06-14T18:29:59.999Z',
  '2025-06-14T18:30:00.000Z',
  '2025-06-30T23:59:59.999Z',
  '2025-07-01T00:00:00.000Z',
  '2025-07-31T23:59:59.999Z',
  '2025-08-01T00:00:00.000Z',
].map((text) => Date.parse(text));
const MODELS = ['alpha', 'alpha-latest', 'beta', 'gamma', 'delta', 'never-listed'];
const COUNTS = [0, 1, 999, 200_000, 200_001, 1_234_567, Number.MAX_SAFE_INTEGER];

export interface RandomUsage {
  readonly reports?: number;
  /** Revisions of the prices, spread over the reports. */
  readonly revisions?: number;
}

/** A history of reports, copies, corrections, voids and prices: the same for the same seed. */
export function randomUsage(seed: number, { reports = 60, revisions = 3 }: RandomUsage = {}): readonly Written[] {
  return new UsageHistory(seed).take(reports, revisions);
}

/** The events in another order: prices keep theirs, and so do the events of one report. */
export function shuffledUsage(events: readonly Written[], seed: number): readonly Written[] {
  const random = randomOf(seed);
  const queues = new Map<string, Written[]>();
  for (const event of events) {
    const key = event.type === 'PriceBookRevised' ? 'prices' : (event.data as UsageFacts).id;
    queues.set(key, [...(queues.get(key) ?? []), event]);
  }
  const shuffled: Written[] = [];
  while (queues.size > 0) {
    const key = [...queues.keys()][random(queues.size)] ?? '';
    const queue = queues.get(key) ?? [];
    const next = queue.shift();
    if (next !== undefined) shuffled.push(next);
    if (queue.length === 0) queues.delete(key);
  }
  return shuffled;
}

class UsageHistory {
  private readonly written: Written[] = [];
  private readonly facts: UsageFacts[] = [];
  private readonly random: (below: number) => number;
  private bookVersion = 0;
  private rateId = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  take(reports: number, revisions: number): readonly Written[] {
    const every = Math.ceil(reports / Math.max(revisions, 1));
    for (let index = 0; index < reports; index += 1) {
      if (index % every === Math.floor(every / 2) && this.bookVersion < revisions) this.revise();
      this.report(index);
      const what = this.random(10);
      if (what === 0) this.copy();
      if (what === 1) this.correct();
      if (what === 2) this.voidOne();
    }
    return this.written;
  }

  private report(index: number): void {
    const agent = `agent-${this.random(3)}`;
    const cacheWriteTokens = this.random(2) * this.random(1_000);
    const facts: UsageFacts = {
      id: idOf(`usage ${index}`),
      eventId: `usage ${index}`,
      model: this.one(MODELS),
      sessionId: `${agent}:${this.random(2)}`,
      agentName: agent,
      // Names change hands.
      agentId: [null, 7, 8][index % 3] ?? null,
      operation: 'chat_completion',
      timestamp: this.one(INSTANTS) + this.one([0, 0, 1, -1, 3_600_000 * this.random(48)]),
      taskId: this.random(3) === 0 ? 1 + this.random(2) : null,
      inputTokens: this.one(COUNTS),
      outputTokens: this.random(3_000),
      cacheReadTokens: this.random(2) * this.random(90_000),
      cacheWriteTokens,
      ...(cacheWriteTokens > 0 ? { cacheWrite1hTokens: this.random(cacheWriteTokens + 1) } : {}),
      ...(this.random(5) === 0 ? { serviceClass: this.one(['batch', 'flex', 'standard']) } : {}),
    };
    this.facts.push(facts);
    this.write('TokenUsageReported', facts, { contentDigest: 'd' });
  }

  private copy(): void {
    const facts = this.one(this.facts);
    this.write('TokenUsageReported', facts, { contentDigest: 'd' });
  }

  private correct(): void {
    const index = this.random(this.facts.length);
    const before = this.facts[index];
    if (before === undefined) return;
    const facts = { ...before, model: this.one(MODELS), inputTokens: this.one(COUNTS), outputTokens: this.random(10) };
    this.facts[index] = facts;
    this.write('TokenUsageCorrected', facts, { reason: 'wrong', changes: ['inputTokens'], previous: {} });
  }

  private voidOne(): void {
    this.write('TokenUsageVoided', this.one(this.facts), { reason: 'sent by mistake' });
  }

  private revise(): void {
    this.bookVersion += 1;
    const data: PriceBookRevised['data'] = {
      bookVersion: this.bookVersion,
      layer: this.one(['book', 'book', 'override']),
      label: `v${this.bookVersion}`,
      source: 'a test',
      authorRecordedAt: '2025-01-01T00:00:00.000Z',
      documentHash: 'a'.repeat(64),
      reason: null,
      changed: ['alpha', 'beta', 'gamma'].filter(() => this.random(3) > 0).map((model) => this.entry(model)),
      removed: this.random(4) === 0 ? [{ provider: 'p', model: 'beta' }] : [],
    };
    this.written.push({ stream: 'prices-main', type: 'PriceBookRevised', data });
  }

  private entry(model: string): PriceEntry {
    const rates: PriceRate[] = [this.rate('2025-01-01T00:00:00.000Z')];
    if (this.random(2) === 0) {
      rates.push({ ...this.rate('2025-07-01T00:00:00.000Z'), effectiveTo: '2025-08-01T00:00:00.000Z' });
    }
    if (this.random(2) === 0) {
      rates.push({ ...this.rate('2025-01-01T00:00:00.000Z'), promptThreshold: 200_000 });
    }
    if (this.random(2) === 0) rates.push({ ...this.rate('2025-03-30T01:00:00.000Z'), serviceClass: 'batch' });
    return { provider: 'p', model, aliases: model === 'alpha' ? ['alpha-latest'] : [], rates };
  }

  private rate(effectiveFrom: string): PriceRate {
    this.rateId += 1;
    return {
      rateId: this.rateId,
      effectiveFrom,
      inputPerMTok: this.one(['3', '0.333333', '0', '999999.999999']),
      outputPerMTok: this.one(['15', '0.000001', '75']),
      ...(this.random(2) === 0 ? { cacheReadPerMTok: '0.3' } : {}),
      ...(this.random(2) === 0 ? { cacheWritePerMTok: '3.75', cacheWrite1hPerMTok: '6' } : {}),
    };
  }

  private write(type: string, facts: UsageFacts, more: object): void {
    const shard = Number.parseInt(facts.id.slice(0, 8), 16) % 16;
    this.written.push({ stream: `usage-${shard}`, type, data: { ...facts, ...more } });
  }

  private one<T>(values: readonly T[]): T {
    const value = values[this.random(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
