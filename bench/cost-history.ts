import type { PriceBookRevised, PriceEntry } from '../src/prices/prices.events.js';
import type { TokenUsageReported } from '../src/tokens/tokens.events.js';
import type { StoredEvent } from '../src/platform/event-store/stored-event.js';
import { derivedId } from '../src/platform/ids/ids.js';

/**
 * A plausible use of tokens: 60 agents, 10 models, sessions of about two hours, evenly over 90 days. Any part of it can
 * be made alone, by the number of the report.
 */
export const AGENTS = 60;
export const MODELS = Array.from({ length: 10 }, (_, index) => `bench-model-${index}`);
export const DAYS = 90;
export const START = Date.parse('2026-01-01T00:00:00.000Z');
const SESSION_MS = 2 * 3_600_000;
const SPAN_MS = DAYS * 86_400_000;

/** Nine of the ten models are listed; each is priced anew in the middle of the time, and dearer for long prompts. */
export function benchBook(bookVersion = 1, input = '3'): StoredEvent {
  const changed = MODELS.slice(0, 9).map((model, index) =>
    benchEntry(model, bookVersion * 1_000 + index * 3 + 1, input),
  );
  const data: PriceBookRevised['data'] = {
    bookVersion,
    layer: 'book',
    label: `bench ${bookVersion}`,
    source: 'bench',
    authorRecordedAt: '2026-01-01T00:00:00.000Z',
    documentHash: null,
    reason: null,
    changed,
    removed: [],
  };
  return stored('PriceBookRevised', 'prices-main', data, BigInt(bookVersion) - 1n, 0n);
}

/** Another price for one model from an instant on. */
export function benchRevision(bookVersion: number, model: string, from: Date): StoredEvent {
  const entry = benchEntry(model, MODELS.indexOf(model) * 3 + 1_001, '3');
  const data: PriceBookRevised['data'] = {
    ...(benchBook().data as PriceBookRevised['data']),
    bookVersion,
    changed: [
      {
        ...entry,
        rates: [
          ...entry.rates,
          {
            rateId: bookVersion * 1_000_000,
            effectiveFrom: from.toISOString(),
            inputPerMTok: '2.5',
            outputPerMTok: `11.11111${bookVersion % 10}`,
          },
        ],
      },
    ],
  };
  return stored('PriceBookRevised', 'prices-main', data, BigInt(bookVersion) - 1n, 10n ** 12n + BigInt(bookVersion));
}

export function benchEntry(model: string, firstRateId: number, input: string): PriceEntry {
  const rates = { inputPerMTok: input, outputPerMTok: '15', cacheReadPerMTok: '0.3', cacheWritePerMTok: '3.75' };
  const effectiveFrom = '2025-01-01T00:00:00.000Z';
  return {
    provider: 'bench',
    model,
    aliases: [],
    rates: [
      { rateId: firstRateId, effectiveFrom, ...rates },
      { rateId: firstRateId + 1, effectiveFrom, promptThreshold: 200_000, ...rates, inputPerMTok: '6' },
      { rateId: firstRateId + 2, effectiveFrom: '2026-02-15T00:00:00.000Z', ...rates, outputPerMTok: '12.5' },
    ],
  };
}

/** Report `index` of `total`, spread over the whole time. */
export function benchReport(index: number, total: number): StoredEvent {
  const timestamp = START + Math.floor((index / total) * SPAN_MS);
  const agent = mixed(index) % AGENTS;
  const agentName = `agent-${agent}`;
  const session = Math.floor((timestamp + agent * 600_000) / SESSION_MS);
  const eventId = `bench-${index}`;
  const data: TokenUsageReported['data'] = {
    id: derivedId('bench', eventId),
    eventId,
    model: MODELS[((mixed(index + 1) % 4) * (mixed(index + 2) % 4) * ((agent % 3) + 1)) % MODELS.length] ?? '',
    sessionId: `${agentName}:${session}`,
    agentName,
    agentId: agent + 1,
    operation: 'chat_completion',
    timestamp,
    taskId: index % 3 === 0 ? Math.floor(timestamp / 86_400_000) * 20 + (agent % 20) : null,
    inputTokens: 1_000 + (index % 9_777),
    outputTokens: 100 + (index % 977),
    cacheReadTokens: (index % 13) * 5_000,
    cacheWriteTokens: (index % 5) * 400,
    contentDigest: 'bench',
  };
  return stored('TokenUsageReported', `usage-${index % 16}`, data, BigInt(index), BigInt(index) + 100n);
}

/** Spreads neighbouring numbers far apart. */
function mixed(index: number): number {
  let bits = Math.imul(index ^ (index >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

function stored(type: string, stream: string, data: object, revision: bigint, place: bigint): StoredEvent {
  const recordedAt = '2026-04-01T00:00:00.000Z';
  const id = derivedId('bench-event', stream, Number(revision));
  return {
    id,
    type,
    stream,
    data,
    revision,
    position: { commit: place * 700n, prepare: place * 700n },
    createdAt: new Date(recordedAt),
    metadata: {
      schemaVersion: 1,
      workspaceId: 1,
      correlationId: id,
      causationId: id,
      actor: { kind: 'system', id: 'bench', name: 'bench' },
      occurredAt: recordedAt,
      recordedAt,
    },
  };
}
