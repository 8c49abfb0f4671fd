import { eventContract } from '../platform/event-store/event-contract.js';

/** `book`: what is known of published prices. `override`: what the operators of this installation say instead. */
export const priceLayers = ['book', 'override'] as const;
export type PriceLayer = (typeof priceLayers)[number];

export const STANDARD_CLASS = 'standard';

/**
 * What a model costs from an instant on, in USD per 1,000,000 tokens. Rates are decimal strings without superfluous
 * zeros, instants ISO 8601 in UTC to the millisecond. What is absent here was absent or null in the document.
 */
export interface RateTerms {
  /** Inclusive. */
  readonly effectiveFrom: string;
  /** Exclusive. */
  readonly effectiveTo?: string;
  /** The row prices whole requests whose prompt is larger than this. Absent: the row for all others. */
  readonly promptThreshold?: number;
  /** Absent: `standard`. */
  readonly serviceClass?: string;
  readonly inputPerMTok: string;
  readonly outputPerMTok: string;
  /** Absent: the input rate, as for the other two. `"0"` is a price. */
  readonly cacheReadPerMTok?: string;
  readonly cacheWritePerMTok?: string;
  readonly cacheWrite1hPerMTok?: string;
  /** Where this row comes from, when not from where its document says. */
  readonly source?: string;
}

export interface PriceRate extends RateTerms {
  /** From 1; one for each distinct row of a layer, for ever. 0 stands for "unpriced" wherever rates are counted. */
  readonly rateId: number;
}

export interface PriceEntry {
  readonly provider: string;
  readonly model: string;
  readonly aliases: readonly string[];
  readonly rates: readonly PriceRate[];
}

export type ModelKey = Pick<PriceEntry, 'provider' | 'model'>;

/** Stream `prices-main`. A layer is what its revisions leave: `changed` entries replace theirs, `removed` ones go. */
export interface PriceBookRevised {
  readonly type: 'PriceBookRevised';
  readonly data: {
    /** From 1 without gaps, over both layers. */
    readonly bookVersion: number;
    readonly layer: PriceLayer;
    /** The author's own version of the document; null, as the next three: the layer was cleared. */
    readonly label: string | null;
    readonly source: string | null;
    readonly authorRecordedAt: string | null;
    /** SHA-256 of the document in its canonical form, hex. */
    readonly documentHash: string | null;
    readonly reason: string | null;
    readonly changed: readonly PriceEntry[];
    readonly removed: readonly ModelKey[];
  };
}

export type PriceEvent = PriceBookRevised;

const instantPattern = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$';
const instant = { type: 'string', pattern: instantPattern };
const rate = { type: 'string', pattern: '^\\d{1,6}(\\.\\d{1,6})?$' };
const rateId = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const optionalText = (maxLength: number) => ({ type: ['string', 'null'], minLength: 1, maxLength });
const modelKey = { provider: text(60), model: text(200) };

function object(properties: Record<string, object>, required: readonly string[] = Object.keys(properties)) {
  return { type: 'object', properties, required, additionalProperties: false };
}

export const priceEventContracts = [
  eventContract<PriceBookRevised>({
    type: 'PriceBookRevised',
    stream: 'prices-main',
    description:
      'Prices were revised: usage is priced by them from here on, and what was priced before is priced again by its own time.',
    producer: 'prices',
    frame: 'activity.created',
    schema: object({
      bookVersion: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      layer: { enum: priceLayers },
      label: optionalText(64),
      source: optionalText(500),
      authorRecordedAt: { type: ['string', 'null'], pattern: instantPattern },
      documentHash: { type: ['string', 'null'], pattern: '^[0-9a-f]{64}$' },
      reason: optionalText(500),
      changed: {
        type: 'array',
        items: object({
          ...modelKey,
          aliases: { type: 'array', items: text(200) },
          rates: {
            type: 'array',
            items: object(
              {
                rateId,
                effectiveFrom: instant,
                effectiveTo: instant,
                promptThreshold: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
                serviceClass: text(40),
                inputPerMTok: rate,
                outputPerMTok: rate,
                cacheReadPerMTok: rate,
                cacheWritePerMTok: rate,
                cacheWrite1hPerMTok: rate,
                source: text(500),
              },
              ['rateId', 'effectiveFrom', 'inputPerMTok', 'outputPerMTok'],
            ),
          },
        }),
      },
      removed: { type: 'array', items: object(modelKey) },
    }),
  }),
];
