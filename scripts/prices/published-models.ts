import type { ConditionalPrice, MatchLogic, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices';
import type { EntryTerms } from '../../src/prices/price-book.decider.js';
import type { RateTerms } from '../../src/prices/prices.events.js';
import { reviewedAliases } from './reviewed-aliases.js';

/** What is known of published prices, and what of the source could not be said in our words. */
export interface PublishedModels {
  readonly models: readonly EntryTerms[];
  readonly leftOut: readonly Remark[];
  /** Models that are in, with prices beside those of tokens that are not. */
  readonly marked: readonly Remark[];
}

export interface Remark {
  readonly provider: string;
  readonly model: string;
  readonly reason: string;
}

/** A price that the document format cannot say. */
class CannotSay extends Error {}

const SINCE_BEFORE_WE_KNOW = '1970-01-01T00:00:00.000Z';
const RATE = /^\d{1,6}(\.\d{1,6})?$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Their price keys and our rates. All others are no prices of text tokens. */
const rateNames = [
  ['input_mtok', 'inputPerMTok'],
  ['output_mtok', 'outputPerMTok'],
  ['cache_read_mtok', 'cacheReadPerMTok'],
  ['cache_write_mtok', 'cacheWritePerMTok'],
  ['cache_write_1h_mtok', 'cacheWrite1hPerMTok'],
] as const;
const tokenKeys: readonly string[] = rateNames.map(([key]) => key);

/**
 * The models of providers in our format. First parties go under their own names, and win a name that two of them list in
 * the order given; resellers go under `{provider}/{name}`.
 */
export function publishedModels(firstParties: readonly Provider[], resellers: readonly Provider[]): PublishedModels {
  const models: EntryTerms[] = [];
  const leftOut: Remark[] = [];
  const marked: Remark[] = [];
  const taken = new Set<string>();
  const add = (provider: Provider, info: ModelInfo, qualified: (name: string) => string) => {
    const remark = (reason: string): Remark => ({ provider: provider.id, model: info.id, reason });
    const names = [info.id, ...aliasesOf(info)].map(qualified);
    const [model = info.id, ...others] = names;
    const unsaid = whyUnnamed(provider, info) ?? (taken.has(model) ? 'the name belongs to another entry' : undefined);
    if (unsaid !== undefined) {
      leftOut.push(remark(unsaid));
      return;
    }
    try {
      const rates = ratesOf(info.prices);
      const aliases = others.filter((alias) => !taken.has(alias));
      for (const alias of others.filter((each) => taken.has(each))) {
        leftOut.push(remark(`the alias ${alias}: the name belongs to another entry`));
      }
      for (const name of [model, ...aliases]) taken.add(name);
      models.push({ provider: provider.id, model, aliases, rates });
      const beside = keysBeside(info.prices);
      if (beside.length > 0) marked.push(remark(beside.join(', ')));
    } catch (error) {
      if (!(error instanceof CannotSay)) throw error;
      leftOut.push(remark(error.message));
    }
  };
  for (const provider of firstParties) for (const info of provider.models) add(provider, info, (name) => name);
  for (const provider of resellers)
    for (const info of provider.models) add(provider, info, (name) => `${provider.id}/${name}`);
  return { models, leftOut, marked };
}

/** Only what the source says is equal is another name; the beginning of a name is one after somebody has looked. */
function aliasesOf({ id, match }: ModelInfo): string[] {
  const clauses = 'or' in match ? match.or : [match];
  const equal = clauses.flatMap((clause) => ('equals' in clause ? [clause.equals] : []));
  const begins = clauses.flatMap((clause) => ('starts_with' in clause ? [clause.starts_with] : []));
  const reviewed = reviewedAliases.filter((alias) => begins.includes(alias));
  return [...new Set([...equal, ...reviewed])].filter((alias) => alias !== id);
}

function whyUnnamed(provider: Provider, info: ModelInfo): string | undefined {
  if (info.id.endsWith('-')) return 'its id is the beginning of names and no name';
  if (provider.id === 'google' && info.id.startsWith('claude-')) return 'a model of Anthropic as Google sells it';
  if (aliasesOf(info).length === 0 && !matches(info.match, info.id)) return 'its id is no name that a report can have';
  return undefined;
}

function matches(match: MatchLogic, name: string): boolean {
  if ('or' in match) return match.or.some((each) => matches(each, name));
  if ('and' in match) return match.and.every((each) => matches(each, name));
  if ('equals' in match) return name === match.equals;
  if ('starts_with' in match) return name.startsWith(match.starts_with);
  if ('ends_with' in match) return name.endsWith(match.ends_with);
  if ('contains' in match) return name.includes(match.contains);
  return new RegExp(match.regex, 'u').test(name);
}

function ratesOf(prices: ModelInfo['prices']): RateTerms[] {
  return conditional(prices).flatMap(({ constraint, prices: row }) => {
    if (constraint === undefined) return rowsOf(row, SINCE_BEFORE_WE_KNOW);
    if (constraint.type !== 'start_date') throw new CannotSay('its price depends on the time of day');
    if (!DAY.test(constraint.start_date)) throw new CannotSay(`its price begins at ${constraint.start_date}`);
    return rowsOf(row, `${constraint.start_date}T00:00:00.000Z`);
  });
}

/** One row for the base and one for each threshold; a price that is flat stands in all of them. */
function rowsOf(price: ModelPrice, effectiveFrom: string): RateTerms[] {
  const tiered = tokenKeys.map((key) => price[key]).filter((each) => typeof each === 'object');
  const starts = [...new Set(tiered.flatMap(({ tiers }) => tiers.map(({ start }) => start)))].sort((a, b) => a - b);
  return [undefined, ...starts].map((start) => {
    const rates = rateNames.flatMap(([key, name]) => {
      const rate = rateAt(price[key], start);
      return rate === undefined ? [] : [[name, rate] as const];
    });
    const { inputPerMTok, outputPerMTok, ...cache } = Object.fromEntries(rates) as Partial<RateTerms>;
    if (inputPerMTok === undefined || outputPerMTok === undefined) {
      const missing = [
        ...(inputPerMTok === undefined ? ['input'] : []),
        ...(outputPerMTok === undefined ? ['output'] : []),
      ];
      throw new CannotSay(`no price for ${missing.join(' and ')} tokens`);
    }
    return {
      effectiveFrom,
      ...(start === undefined ? {} : { promptThreshold: start }),
      inputPerMTok,
      outputPerMTok,
      ...cache,
    };
  });
}

function rateAt(price: ModelPrice[string], start: number | undefined): string | undefined {
  if (price === undefined) return undefined;
  if (typeof price === 'number') return published(price);
  const reached = price.tiers.filter((tier) => start !== undefined && tier.start <= start);
  const tier = reached.reduce<{ start: number; price: number } | undefined>(
    (best, each) => (best === undefined || each.start > best.start ? each : best),
    undefined,
  );
  return published(tier?.price ?? price.base);
}

/** The shortest text of a double is what its author wrote, unless arithmetic has made it. */
function published(price: number): string {
  const text = String(price);
  if (!RATE.test(text)) throw new CannotSay(`${text} is no decimal of at most 6 places`);
  return text;
}

function keysBeside(prices: ModelInfo['prices']): string[] {
  const keys = conditional(prices).flatMap(({ prices: row }) => Object.keys(row));
  return [...new Set(keys)].filter((key) => !tokenKeys.includes(key)).sort();
}

function conditional(prices: ModelInfo['prices']): readonly ConditionalPrice[] {
  return Array.isArray(prices) ? prices : [{ prices }];
}
