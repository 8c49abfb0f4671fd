import type { PriceBookRevised, PriceEntry, PriceRate } from '../../../src/prices/prices.events.js';
import type { UsageFacts } from '../../../src/tokens/tokens.events.js';
import type { Written } from '../../engine/testing/log-of.js';

/**
 * What the books must hold, made from the events alone in the plainest way: every report that counts, priced by the last
 * book, summed one by one. Shares no code with the projection. Knows names as they are listed, nothing else.
 */
export function exactFold(events: readonly Written[], zones: readonly string[]): ReadonlyMap<string, string> {
  const layers = { book: new Map<string, PriceEntry>(), override: new Map<string, PriceEntry>() };
  const facts = new Map<string, UsageFacts>();
  const voided = new Set<string>();
  for (const { type, data } of events) {
    if (type === 'PriceBookRevised') revise(layers, data as PriceBookRevised['data']);
    else {
      const usage = data as UsageFacts;
      if (type === 'TokenUsageCorrected' || !facts.has(usage.id)) facts.set(usage.id, usage);
      if (type === 'TokenUsageVoided') voided.add(usage.id);
    }
  }
  const book = new Map([...layers.book, ...layers.override]);
  const sums = new Map<string, bigint[]>();
  for (const usage of facts.values()) {
    if (voided.has(usage.id)) continue;
    const measures = measuresOf(usage, book);
    for (const key of keysOf(usage, zones)) {
      const sum = sums.get(key) ?? measures.map(() => 0n);
      sums.set(
        key,
        sum.map((value, index) => value + (measures[index] ?? 0n)),
      );
    }
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, sum]) => [key, textOf(sum)]));
}

/** Requests, those without a price, the four buckets, and the cost with its twelve decimals. */
export function textOf(sum: readonly bigint[]): string {
  const [cost = 0n, ...counts] = sum.toReversed();
  const digits = cost.toString().padStart(13, '0');
  return [...counts.toReversed(), `${digits.slice(0, -12)}.${digits.slice(-12)}`].join(' ');
}

function revise(layers: Record<'book' | 'override', Map<string, PriceEntry>>, data: PriceBookRevised['data']): void {
  const layer = layers[data.layer];
  for (const { provider, model } of data.removed) layer.delete(`${provider} ${model}`);
  for (const entry of data.changed) layer.set(`${entry.provider} ${entry.model}`, entry);
}

function measuresOf(usage: UsageFacts, book: ReadonlyMap<string, PriceEntry>): bigint[] {
  const cost = costOf(usage, book);
  return [
    1n,
    cost === undefined ? 1n : 0n,
    BigInt(usage.inputTokens),
    BigInt(usage.outputTokens),
    BigInt(usage.cacheReadTokens),
    BigInt(usage.cacheWriteTokens),
    cost ?? 0n,
  ];
}

function costOf(usage: UsageFacts, book: ReadonlyMap<string, PriceEntry>): bigint | undefined {
  const entry = [...book.values()].findLast(
    ({ model, aliases }) => model === usage.model || aliases.includes(usage.model),
  );
  const rate = entry && rateOf(entry, usage);
  if (rate === undefined) return undefined;
  const oneHour = usage.cacheWrite1hTokens ?? 0;
  const parts: (readonly [number, string | undefined])[] = [
    [usage.inputTokens, rate.inputPerMTok],
    [usage.outputTokens, rate.outputPerMTok],
    [usage.cacheReadTokens, rate.cacheReadPerMTok],
    [usage.cacheWriteTokens - oneHour, rate.cacheWritePerMTok],
    [oneHour, rate.cacheWrite1hPerMTok],
  ];
  return parts.reduce((sum, [tokens, perMTok]) => sum + BigInt(tokens) * micros(perMTok ?? rate.inputPerMTok), 0n);
}

function micros(rate: string): bigint {
  const [whole = '0', fraction = ''] = rate.split('.');
  return BigInt(whole) * 1_000_000n + BigInt(`${fraction}000000`.slice(0, 6));
}

function rateOf(entry: PriceEntry, usage: UsageFacts): PriceRate | undefined {
  const prompt = BigInt(usage.inputTokens) + BigInt(usage.cacheReadTokens) + BigInt(usage.cacheWriteTokens);
  const candidates = entry.rates.filter(
    ({ serviceClass = 'standard', effectiveFrom, effectiveTo }) =>
      serviceClass === (usage.serviceClass ?? 'standard') &&
      Date.parse(effectiveFrom) <= usage.timestamp &&
      (effectiveTo === undefined || usage.timestamp < Date.parse(effectiveTo)),
  );
  const latest = Math.max(...candidates.map(({ effectiveFrom }) => Date.parse(effectiveFrom)));
  return candidates
    .filter(({ effectiveFrom }) => Date.parse(effectiveFrom) === latest)
    .filter(({ promptThreshold }) => promptThreshold === undefined || prompt > BigInt(promptThreshold))
    .sort((a, b) => (b.promptThreshold ?? 0) - (a.promptThreshold ?? 0))[0];
}

function keysOf(usage: UsageFacts, zones: readonly string[]): string[] {
  const hour = new Date(Math.floor(usage.timestamp / 3_600_000) * 3_600_000).toISOString();
  return [
    'all',
    `model ${usage.model}`,
    `agent ${usage.agentName}`,
    `session ${usage.sessionId}`,
    ...(usage.taskId === null ? [] : [`task ${usage.taskId}`]),
    `hour ${hour}`,
    ...zones.map((zone) => `day ${zone} ${dayIn(zone, usage.timestamp)}`),
  ];
}

const formats = new Map<string, Intl.DateTimeFormat>();

function dayIn(zone: string, ms: number): string {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  formats.set(zone, format);
  return format.format(ms);
}
