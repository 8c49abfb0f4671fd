import { hash } from 'node:crypto';
import { isoInstant } from './iso-instant.js';
import type { TokenCounts } from './tokens.events.js';
import type { Correction } from './usage.decider.js';

/** A report as accepted: normalised, checked, with nothing filled in by the server but the default values. */
export interface UsageReport extends TokenCounts {
  readonly eventId: string | undefined;
  readonly model: string;
  readonly sessionId: string;
  readonly agentName: string;
  readonly operation: string;
  /** When it happened, ms since 1970; undefined: the time of the request. */
  readonly timestamp: number | undefined;
  readonly taskId: number | undefined;
  readonly reasoningTokens?: number;
  readonly cacheWrite1hTokens?: number;
  readonly provider?: string;
  readonly serviceClass?: string;
  readonly durationMs?: number;
  readonly reportedCostUsd?: string;
}

export type ParsedUsage =
  | { readonly kind: 'report'; readonly report: UsageReport }
  | { readonly kind: 'invalid'; readonly errors: readonly string[]; readonly eventId: string | undefined };

export type ParsedAmendment =
  | { readonly kind: 'amendment'; readonly reason: string; readonly correction: Correction }
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

const MAX_TOKENS = Number.MAX_SAFE_INTEGER;
const MAX_DURATION_MS = 604_800_000;
const DAY_MS = 86_400_000;
const DECIMAL = /^\d{1,20}(\.\d{1,12})?$/;

/** Checks one record of `POST /api/tokens` strictly: every fault is named, nothing is guessed. */
export function parseUsage(record: unknown, now: Date): ParsedUsage {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return { kind: 'invalid', errors: ['record: must be an object'], eventId: undefined };
  }
  const fields = new Fields(record as Record<string, unknown>);
  const sessionId = fields.text('sessionId', 512);
  const agentName = sessionId?.split(':', 1)[0]?.normalize('NFC');
  if (sessionId !== undefined && (agentName === undefined || agentName.trim() === '')) {
    fields.fault('sessionId', 'must name an agent before the first colon');
  }
  const report = {
    eventId: fields.optionalText('eventId', 200),
    model: fields.text('model', 200, true),
    sessionId,
    agentName,
    operation: fields.optionalText('operation', 100) ?? 'chat_completion',
    timestamp: fields.instant('timestamp', now),
    taskId: fields.taskId('taskId'),
    inputTokens: fields.count('inputTokens'),
    outputTokens: fields.count('outputTokens'),
    cacheReadTokens: fields.optionalCount('cacheReadTokens') ?? 0,
    cacheWriteTokens: fields.optionalCount('cacheWriteTokens') ?? 0,
    ...given('reasoningTokens', fields.optionalCount('reasoningTokens')),
    ...given('cacheWrite1hTokens', fields.optionalCount('cacheWrite1hTokens')),
    ...given('provider', fields.optionalText('provider', 60)),
    ...given('serviceClass', fields.optionalText('serviceClass', 40)),
    ...given('durationMs', fields.optionalCount('duration', MAX_DURATION_MS)),
    ...given('reportedCostUsd', fields.cost('reportedCostUsd')),
  };
  if ((report.reasoningTokens ?? 0) > (report.outputTokens ?? 0)) {
    fields.fault('reasoningTokens', 'must not exceed outputTokens');
  }
  if ((report.cacheWrite1hTokens ?? 0) > report.cacheWriteTokens) {
    fields.fault('cacheWrite1hTokens', 'must not exceed cacheWriteTokens');
  }
  const total =
    BigInt(report.inputTokens ?? 0) +
    BigInt(report.outputTokens ?? 0) +
    BigInt(report.cacheReadTokens) +
    BigInt(report.cacheWriteTokens);
  if (total > BigInt(MAX_TOKENS)) fields.fault('totalTokens', `must not exceed ${MAX_TOKENS}`);
  if (fields.errors.length > 0) return { kind: 'invalid', errors: fields.errors, eventId: report.eventId };
  return { kind: 'report', report: report as UsageReport };
}

/** `token_usage` inside a beat: the session is the agent's own, the rest as in {@link parseUsage}. */
export function parseInlineUsage(usage: unknown, sessionId: string, now: Date): ParsedUsage {
  if (typeof usage !== 'object' || usage === null || Array.isArray(usage)) return parseUsage(usage, now);
  const operation = ('operation' in usage ? usage.operation : undefined) ?? 'heartbeat';
  return parseUsage({ ...usage, operation, sessionId }, now);
}

/** The sum of the four buckets. */
export function totalTokens(counts: TokenCounts): number {
  return counts.inputTokens + counts.outputTokens + counts.cacheReadTokens + counts.cacheWriteTokens;
}

/** SHA-256 over the normalised content, 32 hex digits. What the server fills in does not belong to it. */
export function contentDigest(report: UsageReport): string {
  const content = [
    report.model,
    report.sessionId,
    report.inputTokens,
    report.outputTokens,
    report.cacheReadTokens,
    report.cacheWriteTokens,
    report.reasoningTokens ?? null,
    report.cacheWrite1hTokens ?? null,
    report.timestamp ?? null,
    report.taskId ?? null,
    report.operation,
    report.durationMs ?? null,
    report.provider ?? null,
    report.serviceClass ?? null,
    report.reportedCostUsd ?? null,
  ];
  return hash('sha256', JSON.stringify(content)).slice(0, 32);
}

/** The reason of a change, and what it sets. Every fault is named; an absent field is left as it is. */
export function parseAmendment(body: unknown): ParsedAmendment {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { kind: 'invalid', errors: ['body: must be an object'] };
  }
  const fields = new Fields(body as Record<string, unknown>);
  const reason = fields.text('reason', 500, true) ?? '';
  const correction: Correction = {
    ...given('model', fields.has('model') ? fields.text('model', 200, true) : undefined),
    ...given('inputTokens', fields.optionalCount('inputTokens')),
    ...given('outputTokens', fields.optionalCount('outputTokens')),
    ...given('cacheReadTokens', fields.optionalCount('cacheReadTokens')),
    ...given('cacheWriteTokens', fields.optionalCount('cacheWriteTokens')),
    ...given('cacheWrite1hTokens', fields.optionalCount('cacheWrite1hTokens')),
    ...given('reasoningTokens', fields.optionalCount('reasoningTokens')),
  };
  return fields.errors.length > 0
    ? { kind: 'invalid', errors: fields.errors }
    : { kind: 'amendment', reason, correction };
}

/** Reads fields one by one and collects what is wrong with them. An absent field and null are the same. */
class Fields {
  readonly errors: string[] = [];

  constructor(private readonly record: Readonly<Record<string, unknown>>) {}

  fault(field: string, reason: string): undefined {
    this.errors.push(`${field}: ${reason}`);
    return undefined;
  }

  text(field: string, max: number, trim = false): string | undefined {
    const value = this.record[field];
    if (typeof value !== 'string') return this.fault(field, 'must be a string');
    const text = trim ? value.trim() : value;
    if (text.trim() === '' || text.length > max) return this.fault(field, `must have 1 to ${max} characters`);
    return text;
  }

  has(field: string): boolean {
    return this.record[field] !== undefined;
  }

  optionalText(field: string, max: number): string | undefined {
    return this.isAbsent(field) ? undefined : this.text(field, max);
  }

  count(field: string, max = MAX_TOKENS): number | undefined {
    const value = this.record[field];
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max)
      return Math.abs(value as number);
    return this.fault(field, `must be an integer from 0 to ${max}`);
  }

  optionalCount(field: string, max = MAX_TOKENS): number | undefined {
    return this.record[field] === undefined ? undefined : this.count(field, max);
  }

  taskId(field: string): number | undefined {
    const value = this.record[field];
    if (value === undefined || value === null) return undefined;
    const id = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(id) && (id as number) > 0) return id as number;
    return this.fault(field, 'must be a positive integer');
  }

  instant(field: string, now: Date): number | undefined {
    const value = this.record[field];
    if (value === undefined || value === null) return undefined;
    const ms = typeof value === 'string' ? isoInstant(value.replace(',', '.')) : value;
    if (!Number.isSafeInteger(ms) || (ms as number) < 0) {
      return this.fault(field, 'must be ISO 8601 with a zone, or integer milliseconds since 1970');
    }
    if ((ms as number) > now.getTime() + DAY_MS) return this.fault(field, 'must not be more than a day ahead');
    return ms as number;
  }

  cost(field: string): string | undefined {
    const value = this.record[field];
    if (value === undefined || value === null) return undefined;
    const text = typeof value === 'number' ? decimalText(value) : value;
    if (typeof text === 'string' && DECIMAL.test(text)) return text;
    return this.fault(field, 'must be a decimal of at least 0, with at most 12 decimals');
  }

  private isAbsent(field: string): boolean {
    return this.record[field] === undefined || this.record[field] === null;
  }
}

/** A number as JSON has it, without an exponent where twelve decimals hold it exactly. */
function decimalText(value: number): string {
  const text = String(value);
  if (!text.includes('e-')) return text;
  const fixed = value.toFixed(12);
  return Number(fixed) === value ? fixed.replace(/0+$/, '') : text;
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}
