import { digestOf } from '../platform/command/command-context.js';
import { shortestDecimal } from '../../projections/cost/decimal.js';
import { modelKeyOf } from '../../projections/cost/price-layers.js';
import { isoInstant } from '../tokens/iso-instant.js';
import type { EntryTerms, HashedDocument, PriceDocument } from './price-book.decider.js';
import { STANDARD_CLASS, type RateTerms } from './prices.events.js';

export const MAX_DOCUMENT_BYTES = 512 * 1024;

export type ParsedDocument =
  ({ readonly kind: 'document' } & HashedDocument) | { readonly kind: 'invalid'; readonly faults: readonly string[] };

const MAX_FAULTS = 1_000;
const INSTANT_LENGTH = '2026-11-21T00:00:00.000Z'.length;
const RATE = /^\d{1,6}(\.\d{1,6})?$/;
const UTC_INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/;

const documentFields = ['version', 'source', 'recordedAt', 'models'];
const entryFields = ['provider', 'model', 'aliases', 'rates'];
const rateNames = [
  'inputPerMTok',
  'outputPerMTok',
  'cacheReadPerMTok',
  'cacheWritePerMTok',
  'cacheWrite1hPerMTok',
] as const;
const rateFields = ['effectiveFrom', 'effectiveTo', 'promptThreshold', 'serviceClass', 'source', ...rateNames];

/**
 * Checks a price document strictly and brings it into canonical form: instants and decimals in one spelling, entries and
 * rows in one order, nothing that says what is the case anyway. Every fault is listed with its path.
 */
export function parsePriceDocument(value: unknown): ParsedDocument {
  const faults: string[] = [];
  const fields = new Fields(value, '', faults, documentFields);
  const document = {
    version: fields.label('version'),
    source: fields.text('source', 500),
    recordedAt: fields.instant('recordedAt', isoInstant),
    models: fields.list('models', (each, path) => entryOf(each, path, faults)),
  };
  checkNames(document.models, faults);
  if (faults.length > 0) {
    const more = faults.length > MAX_FAULTS ? [`and ${faults.length - MAX_FAULTS} more`] : [];
    return { kind: 'invalid', faults: [...faults.slice(0, MAX_FAULTS), ...more] };
  }
  const canonical = { ...document, models: [...document.models].sort(byText(modelKeyOf)) } as PriceDocument;
  return { kind: 'document', document: canonical, hash: digestOf(canonical) };
}

function entryOf(value: unknown, path: string, faults: string[]): EntryTerms {
  const fields = new Fields(value, path, faults, entryFields);
  const provider = fields.name('provider', 60);
  const model = fields.name('model', 200);
  const aliases = fields.optionalList('aliases', (each, place) => nameOf(each, place, 200, faults));
  const rates = fields.list('rates', (each, place) => rateOf(each, place, faults));
  if (fields.isObject && rates.length === 0) fields.fault('rates', 'must hold at least one row');
  checkPriceSets(rates, fields.at('rates'), faults);
  return {
    provider: provider ?? '',
    model: model ?? '',
    aliases: aliases.flatMap((alias) => alias ?? []).sort(),
    rates: rates.sort(byText(placeOf)),
  };
}

function rateOf(value: unknown, path: string, faults: string[]): RateTerms {
  const fields = new Fields(value, path, faults, rateFields);
  const effectiveFrom = fields.instant('effectiveFrom', utcInstant);
  const effectiveTo = fields.optional('effectiveTo', () => fields.instant('effectiveTo', utcInstant));
  if (effectiveFrom !== undefined && effectiveTo !== undefined && effectiveTo <= effectiveFrom) {
    fields.fault('effectiveTo', 'must be later than effectiveFrom');
  }
  const serviceClass = fields.optional('serviceClass', () => fields.name('serviceClass', 40));
  const [input, output, ...cache] = rateNames;
  return {
    effectiveFrom: effectiveFrom ?? '',
    ...given('effectiveTo', effectiveTo),
    ...given(
      'promptThreshold',
      fields.optional('promptThreshold', () => fields.threshold('promptThreshold')),
    ),
    ...given('serviceClass', serviceClass === STANDARD_CLASS ? undefined : serviceClass),
    inputPerMTok: fields.rate(input) ?? '',
    outputPerMTok: fields.rate(output) ?? '',
    ...Object.fromEntries(
      cache.flatMap((name) => {
        const rate = fields.optional(name, () => fields.rate(name));
        return rate === undefined ? [] : [[name, rate]];
      }),
    ),
    ...given(
      'source',
      fields.optional('source', () => fields.text('source', 500)),
    ),
  };
}

/** Rows of one class that begin together must make one whole price set. */
function checkPriceSets(rates: readonly RateTerms[], path: string, faults: string[]): void {
  const sets = new Map<string, { readonly rate: RateTerms; readonly index: number }[]>();
  rates.forEach((rate, index) => {
    if (rate.effectiveFrom === '') return;
    const key = JSON.stringify([rate.serviceClass ?? STANDARD_CLASS, rate.effectiveFrom]);
    sets.set(key, [...(sets.get(key) ?? []), { rate, index }]);
  });
  for (const rows of sets.values()) {
    const [first] = rows;
    if (first === undefined) continue;
    const seen = new Set<number>();
    for (const { rate, index } of rows) {
      const threshold = rate.promptThreshold ?? 0;
      if (seen.has(threshold)) {
        faults.push(
          `${path}[${index}].promptThreshold: repeats ${threshold === 0 ? 'the row without a threshold' : threshold} of the same class and effectiveFrom`,
        );
      }
      seen.add(threshold);
      if (rate.effectiveTo !== first.rate.effectiveTo) {
        faults.push(`${path}[${index}].effectiveTo: must be the same for all rows of one class and effectiveFrom`);
      }
    }
    if (!seen.has(0)) {
      faults.push(`${path}[${first.index}].promptThreshold: the row without a threshold is missing beside it`);
    }
  }
}

/** Models and aliases share one namespace: a name means one thing. */
function checkNames(models: readonly EntryTerms[], faults: string[]): void {
  const owners = new Map<string, string>();
  models.forEach(({ model, aliases }, index) => {
    const own = `models[${index}]`;
    for (const [name, path] of [
      [model, `${own}.model`],
      ...aliases.map((alias): [string, string] => [alias, `${own}.aliases`]),
    ] as const) {
      if (name === '') continue;
      const owner = owners.get(name);
      if (owner === undefined) owners.set(name, own);
      else faults.push(`${path}: the name ${JSON.stringify(name)} stands in ${owner} too`);
    }
  });
}

function nameOf(value: unknown, path: string, max: number, faults: string[]): string | undefined {
  if (typeof value === 'string' && value !== '' && value.length <= max && value.trim() === value) return value;
  faults.push(`${path}: must be a string of 1 to ${max} characters without white space around it`);
  return undefined;
}

function utcInstant(text: string): number {
  return UTC_INSTANT.test(text) ? isoInstant(text) : Number.NaN;
}

function placeOf({ serviceClass = STANDARD_CLASS, effectiveFrom, promptThreshold = 0 }: RateTerms): string {
  return JSON.stringify([serviceClass, effectiveFrom, String(promptThreshold).padStart(16, '0')]);
}

function byText<Value>(textOf: (value: Value) => string): (a: Value, b: Value) => number {
  return (a, b) => (textOf(a) < textOf(b) ? -1 : 1);
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}

/** The fields of one object of the document; null and absent are the same. */
class Fields {
  readonly isObject: boolean;
  private readonly record: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly path: string,
    private readonly faults: string[],
    known: readonly string[],
  ) {
    this.isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.record = this.isObject ? (value as Record<string, unknown>) : {};
    if (!this.isObject) faults.push(`${path === '' ? 'document' : path}: must be an object`);
    for (const field of Object.keys(this.record)) {
      if (!known.includes(field)) this.fault(field, 'is no field of a price document');
    }
  }

  at(field: string): string {
    return this.path === '' ? field : `${this.path}.${field}`;
  }

  fault(field: string, reason: string): undefined {
    if (this.isObject) this.faults.push(`${this.at(field)}: ${reason}`);
    return undefined;
  }

  optional<Value>(field: string, read: () => Value | undefined): Value | undefined {
    return this.isAbsent(field) ? undefined : read();
  }

  text(field: string, max: number): string | undefined {
    const value = this.record[field];
    if (typeof value === 'string' && value.trim() !== '' && value.length <= max) return value;
    return this.fault(field, `must be a string of 1 to ${max} characters`);
  }

  name(field: string, max: number): string | undefined {
    return this.isObject ? nameOf(this.record[field], this.at(field), max, this.faults) : undefined;
  }

  label(field: string): string | undefined {
    const value = this.record[field];
    return Number.isSafeInteger(value) ? String(value) : this.text(field, 64);
  }

  instant(field: string, msOf: (text: string) => number): string | undefined {
    const value = this.record[field];
    const ms = typeof value === 'string' ? msOf(value) : Number.NaN;
    const text = Number.isNaN(ms) ? '' : new Date(ms).toISOString();
    // A zone can carry the first and the last day out of the years of four digits.
    if (text.length === INSTANT_LENGTH) return text;
    return this.fault(field, 'must be an ISO 8601 instant such as 2026-11-21T00:00:00.000Z');
  }

  threshold(field: string): number | undefined {
    const value = this.record[field];
    if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
    return this.fault(field, 'must be an integer of at least 1');
  }

  rate(field: string): string | undefined {
    const value = this.record[field];
    if (typeof value === 'string' && RATE.test(value)) return shortestDecimal(value);
    return this.fault(field, 'must be a decimal string such as "3.75", at most 6 digits before and after the point');
  }

  list<Item>(field: string, itemOf: (value: unknown, path: string) => Item): Item[] {
    const value = this.record[field];
    if (Array.isArray(value)) return value.map((item, index) => itemOf(item, `${this.at(field)}[${index}]`));
    this.fault(field, 'must be a list');
    return [];
  }

  optionalList<Item>(field: string, itemOf: (value: unknown, path: string) => Item): Item[] {
    return this.isAbsent(field) ? [] : this.list(field, itemOf);
  }

  private isAbsent(field: string): boolean {
    return this.record[field] === undefined || this.record[field] === null;
  }
}
