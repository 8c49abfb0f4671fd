import { STANDARD_CLASS, type PriceEntry, type PriceRate } from '../../src/prices/prices.events.js';
import { COST_DECIMALS, decimalOf, RATE_DECIMALS, unitsOf } from './decimal.js';
import { matchModel, type ListedName, type MatchKind } from './match-model.js';

export const unpricedReasons = ['unknown_model', 'before_first_rate', 'after_last_rate', 'no_rate_for_class'] as const;
export type UnpricedReason = (typeof unpricedReasons)[number];

/** Counts of one report, or sums of several. `cacheWrite1hTokens` is part of the writes. */
export interface PricedTokens {
  readonly inputTokens: number | bigint;
  readonly outputTokens: number | bigint;
  readonly cacheReadTokens: number | bigint;
  readonly cacheWriteTokens: number | bigint;
  readonly cacheWrite1hTokens?: number | bigint;
}

/** What pricing asks of a report. */
export interface PricedUsage extends PricedTokens {
  readonly model: string;
  readonly provider?: string;
  readonly serviceClass?: string;
  /** When it happened, ms since 1970. */
  readonly timestamp: number;
}

export type Pricing =
  | {
      readonly kind: 'priced';
      readonly entry: PriceEntry;
      readonly matchKind: MatchKind;
      readonly rate: PriceRate;
      readonly rateId: number;
      /** Exact, with 12 decimals. */
      readonly costUsd: string;
    }
  | {
      readonly kind: 'unpriced';
      readonly unpricedReason: UnpricedReason;
      /** The model when it is listed and only lacks a rate. */
      readonly entry?: PriceEntry;
      readonly matchKind?: MatchKind;
    };

/** One summand of a cost. */
export interface CostTerm {
  readonly bucket: 'input' | 'output' | 'cacheRead' | 'cacheWrite' | 'cacheWrite1h';
  readonly tokens: bigint;
  /** The rate that applies, decimal. */
  readonly perMTok: string;
  /** In units of 10^-12 USD. */
  readonly units: bigint;
}

/** A book made ready for pricing: names are looked up once, instants are numbers. */
export interface PriceTable {
  readonly names: ReadonlyMap<string, ListedName<PriceEntry>>;
  readonly sets: ReadonlyMap<PriceEntry, readonly PriceSet[]>;
}

/** Rows of one model and service class that are in force together. */
export interface PriceSet {
  readonly serviceClass: string;
  /** Ms since 1970, inclusive. */
  readonly from: number;
  /** Exclusive; Infinity: open. */
  readonly to: number;
  /** The row without a threshold last, before it the others with the greatest threshold first. */
  readonly rows: readonly PriceRate[];
}

/** The table of a book. Names that several entries claim belong to the last one. */
export function priceTable(entries: Iterable<PriceEntry>): PriceTable {
  const names = new Map<string, ListedName<PriceEntry>>();
  const sets = new Map<PriceEntry, readonly PriceSet[]>();
  for (const entry of entries) {
    for (const alias of entry.aliases) names.set(alias, { entry, kind: 'alias' });
    names.set(entry.model, { entry, kind: 'model' });
    sets.set(entry, priceSetsOf(entry));
  }
  return { names, sets };
}

/** The price sets of an entry, the latest first within each service class. */
export function priceSetsOf(entry: PriceEntry): PriceSet[] {
  const groups = new Map<string, PriceRate[]>();
  for (const rate of entry.rates) {
    const key = `${rate.effectiveFrom} ${rate.serviceClass ?? STANDARD_CLASS}`;
    groups.set(key, [...(groups.get(key) ?? []), rate]);
  }
  return [...groups.values()]
    .map((rows) => {
      const [first] = rows;
      return {
        serviceClass: first?.serviceClass ?? STANDARD_CLASS,
        from: Date.parse(first?.effectiveFrom ?? ''),
        to: first?.effectiveTo === undefined ? Infinity : Date.parse(first.effectiveTo),
        rows: rows.sort((a, b) => (b.promptThreshold ?? 0) - (a.promptThreshold ?? 0)),
      };
    })
    .sort((a, b) => b.from - a.from);
}

/** What a report costs by a book, exactly, or why it has no price. Pure and total; nothing is guessed. */
export function priceUsage(table: PriceTable, usage: PricedUsage): Pricing {
  const match = matchModel(table.names, usage.model, usage.provider);
  if (match === undefined) return { kind: 'unpriced', unpricedReason: 'unknown_model' };
  const { entry, matchKind } = match;
  const found = rateFor(table.sets.get(entry) ?? [], usage);
  if (typeof found === 'string') return { kind: 'unpriced', unpricedReason: found, entry, matchKind };
  return { kind: 'priced', entry, matchKind, rate: found, rateId: found.rateId, costUsd: costOf(found, usage) };
}

/** Everything that was read to answer the model, the prompt counts: it decides the row for the whole request. */
export function promptTokens(usage: PricedTokens): bigint {
  return BigInt(usage.inputTokens) + BigInt(usage.cacheReadTokens) + BigInt(usage.cacheWriteTokens);
}

/** The summands of the cost of tokens at a rate, those without tokens too. Sums of reports cost what the reports do. */
export function costTerms(rate: PriceRate, usage: PricedTokens): readonly CostTerm[] {
  const oneHour = BigInt(usage.cacheWrite1hTokens ?? 0);
  const input = rate.inputPerMTok;
  return [
    term('input', BigInt(usage.inputTokens), input),
    term('output', BigInt(usage.outputTokens), rate.outputPerMTok),
    term('cacheRead', BigInt(usage.cacheReadTokens), rate.cacheReadPerMTok ?? input),
    term('cacheWrite', BigInt(usage.cacheWriteTokens) - oneHour, rate.cacheWritePerMTok ?? input),
    term('cacheWrite1h', oneHour, rate.cacheWrite1hPerMTok ?? input),
  ];
}

/** The cost of tokens at a rate, USD with 12 decimals. A rate of 6 decimals times tokens is whole in units of 10^-12. */
export function costOf(rate: PriceRate, usage: PricedTokens): string {
  const units = costTerms(rate, usage).reduce((sum, each) => sum + each.units, 0n);
  return decimalOf(units, COST_DECIMALS);
}

function term(bucket: CostTerm['bucket'], tokens: bigint, perMTok: string): CostTerm {
  return { bucket, tokens, perMTok, units: tokens === 0n ? 0n : tokens * rateUnits(perMTok) };
}

/** A book has few different rates, and they price millions of reports. */
const MOST_KEPT_RATES = 10_000;
const keptRates = new Map<string, bigint>();

function rateUnits(perMTok: string): bigint {
  const kept = keptRates.get(perMTok);
  if (kept !== undefined) return kept;
  const units = unitsOf(perMTok, RATE_DECIMALS);
  if (keptRates.size >= MOST_KEPT_RATES) keptRates.clear();
  keptRates.set(perMTok, units);
  return units;
}

function rateFor(sets: readonly PriceSet[], usage: PricedUsage): PriceRate | UnpricedReason {
  const serviceClass = usage.serviceClass ?? STANDARD_CLASS;
  const ofClass = sets.filter((set) => set.serviceClass === serviceClass);
  if (ofClass.length === 0) return 'no_rate_for_class';
  const begun = ofClass.filter((set) => set.from <= usage.timestamp);
  if (begun.length === 0) return 'before_first_rate';
  const inForce = begun.find((set) => usage.timestamp < set.to);
  if (inForce === undefined) return 'after_last_rate';
  const prompt = promptTokens(usage);
  const row = inForce.rows.find(({ promptThreshold }) => promptThreshold === undefined || prompt > promptThreshold);
  return row ?? 'no_rate_for_class';
}
