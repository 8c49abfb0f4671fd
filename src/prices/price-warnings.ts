import { RATE_DECIMALS, unitsOf } from '../../projections/cost/decimal.js';
import { modelKeyOf } from '../../projections/cost/price-layers.js';
import type { EntryTerms } from './price-book.decider.js';
import { STANDARD_CLASS, type PriceEntry, type RateTerms } from './prices.events.js';

const SUSPICIOUS_FACTOR = 10n;
const figures = ['inputPerMTok', 'outputPerMTok'] as const;

/** What an author probably did not mean, as sentences. Nothing here is refused. */
export function priceWarnings(models: readonly EntryTerms[], before: ReadonlyMap<string, PriceEntry>): string[] {
  return models.flatMap((entry) => {
    const told = [
      ...oneHourWarnings(entry.rates),
      ...tierWarnings(entry.rates),
      ...jumpWarnings(entry.rates, before.get(modelKeyOf(entry))?.rates ?? []),
    ];
    return told.map((warning) => `${entry.provider} ${entry.model}: ${warning}`);
  });
}

function oneHourWarnings(rates: readonly RateTerms[]): string[] {
  return rates
    .filter((rate) => rate.cacheWritePerMTok !== undefined && rate.cacheWrite1hPerMTok === undefined)
    .map((rate) => `one-hour cache writes cost the input rate in the row ${placeOf(rate)}`);
}

function tierWarnings(rates: readonly RateTerms[]): string[] {
  return rates.flatMap((tier) => {
    if (tier.promptThreshold === undefined) return [];
    const base = rates.find(
      (rate) =>
        rate.promptThreshold === undefined &&
        rate.effectiveFrom === tier.effectiveFrom &&
        classOf(rate) === classOf(tier),
    );
    const cheaper = figures.filter((figure) => base !== undefined && units(tier[figure]) < units(base[figure]));
    return cheaper.map((figure) => `${figure} is cheaper than below the threshold in the row ${placeOf(tier)}`);
  });
}

/** The newest base rows of both sides are compared, class by class. */
function jumpWarnings(rates: readonly RateTerms[], before: readonly RateTerms[]): string[] {
  return [...new Set(rates.map(classOf))].flatMap((serviceClass) => {
    const now = newestBase(rates, serviceClass);
    const old = newestBase(before, serviceClass);
    if (now === undefined || old === undefined) return [];
    return figures
      .filter((figure) => isJump(units(old[figure]), units(now[figure])))
      .map((figure) => `${figure} goes from ${old[figure]} to ${now[figure]} (${serviceClass})`);
  });
}

function newestBase(rates: readonly RateTerms[], serviceClass: string): RateTerms | undefined {
  return rates
    .filter((rate) => rate.promptThreshold === undefined && classOf(rate) === serviceClass)
    .reduce<RateTerms | undefined>(
      (newest, rate) => (newest === undefined || rate.effectiveFrom > newest.effectiveFrom ? rate : newest),
      undefined,
    );
}

function isJump(before: bigint, now: bigint): boolean {
  return before !== now && (now > before * SUSPICIOUS_FACTOR || before > now * SUSPICIOUS_FACTOR);
}

function units(rate: string): bigint {
  return unitsOf(rate, RATE_DECIMALS);
}

function classOf(rate: RateTerms): string {
  return rate.serviceClass ?? STANDARD_CLASS;
}

function placeOf(rate: RateTerms): string {
  const threshold = rate.promptThreshold === undefined ? '' : ` above ${rate.promptThreshold}`;
  return `${classOf(rate)} from ${rate.effectiveFrom}${threshold}`;
}
