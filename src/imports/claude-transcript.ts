import { recordId } from './record-id.js';
import { reportedCost } from './reported-cost.js';
import type { ImportedUsage } from './usage-record.js';

/** What one line of a transcript says about usage. */
export type TranscriptLine =
  | { readonly kind: 'usage'; readonly usage: ImportedUsage }
  /** A line of something else: a prompt, a summary, an answer that no model gave. */
  | { readonly kind: 'other' }
  | { readonly kind: 'broken'; readonly reason: string };

const OTHER: TranscriptLine = { kind: 'other' };
/** What the tool writes itself where a request failed. */
const NO_MODEL = '<synthetic>';
/** What the route would refuse with the whole batch is refused here, with its line. */
const PLAIN = /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,400}$/u;

/** Reads one line of a Claude Code transcript. `agent`: whose usage it is. */
export function readTranscriptLine(text: string, agent: string): TranscriptLine {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return broken('not JSON');
  }
  if (!isObject(line)) return broken('not a JSON object');
  const { message } = line;
  if (line['type'] !== 'assistant' || !isObject(message) || !isObject(message['usage'])) return OTHER;
  return message['model'] === NO_MODEL ? OTHER : usageOf(line, message, message['usage'], agent);
}

/**
 * Gathers the usage of many lines: one record for each request, however many lines repeat it. A request is written once
 * for each part of its answer while the answer still grows, so the line with the most output is the final one; the
 * session is the one that it was first seen in, because a continued session begins with a copy of the former.
 */
export class TranscriptUsage {
  private readonly byId = new Map<string, ImportedUsage>();
  private repeats = 0;

  add(usage: ImportedUsage): void {
    const known = this.byId.get(usage.eventId);
    if (known !== undefined) this.repeats += 1;
    if (known === undefined || usage.outputTokens > known.outputTokens) {
      this.byId.set(usage.eventId, known === undefined ? usage : { ...usage, ...firstSeen(known) });
    }
  }

  /** Lines that repeated a request already seen. */
  get repeated(): number {
    return this.repeats;
  }

  records(): readonly ImportedUsage[] {
    return [...this.byId.values()];
  }
}

function firstSeen({ sessionId, timestamp }: ImportedUsage): Partial<ImportedUsage> {
  return { sessionId, ...(timestamp === undefined ? {} : { timestamp }) };
}

type Fields = Readonly<Record<string, unknown>>;

function usageOf(line: Fields, message: Fields, usage: Fields, agent: string): TranscriptLine {
  const faults: string[] = [];
  const text = (from: Fields, name: string): string => {
    const value = from[name];
    if (typeof value === 'string' && PLAIN.test(value)) return value;
    faults.push(`${name} is ${value === undefined ? 'missing' : 'no plain text'}`);
    return '';
  };
  const count = (from: Fields, name: string, byDefault?: number): number => {
    const value = from[name] ?? byDefault;
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    faults.push(`${name} is no count of tokens`);
    return 0;
  };
  const id = text(message, 'id');
  const split = isObject(usage['cache_creation']) ? usage['cache_creation'] : {};
  const oneHour = count(split, 'ephemeral_1h_input_tokens', 0);
  const { requestId } = line;
  const tier = usage['service_tier'];
  const cost = reportedCost(line['costUSD']);
  const record: ImportedUsage = {
    // Not every provider gives its requests an id; the message has one of its own.
    eventId: recordId(
      'claude-code',
      id,
      ...(typeof requestId === 'string' && PLAIN.test(requestId) ? [requestId] : []),
    ),
    model: text(message, 'model'),
    sessionId: `${agent}:${text(line, 'sessionId')}`,
    timestamp: text(line, 'timestamp'),
    inputTokens: count(usage, 'input_tokens'),
    outputTokens: count(usage, 'output_tokens'),
    cacheReadTokens: count(usage, 'cache_read_input_tokens', 0),
    cacheWriteTokens: count(usage, 'cache_creation_input_tokens', 0),
    ...(oneHour === 0 ? {} : { cacheWrite1hTokens: oneHour }),
    ...(typeof tier === 'string' && /^\w{1,40}$/.test(tier) ? { serviceClass: tier } : {}),
    ...(cost === undefined ? {} : { reportedCostUsd: cost }),
  };
  return faults.length > 0 ? broken(faults.join(', ')) : { kind: 'usage', usage: record };
}

function broken(reason: string): TranscriptLine {
  return { kind: 'broken', reason };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
