import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type { ModelKey, PriceBookRevised, PriceEntry, PriceEvent, PriceLayer, RateTerms } from './prices.events.js';

export const PRICES_STREAM = 'prices-main';

export interface EntryTerms extends ModelKey {
  readonly aliases: readonly string[];
  readonly rates: readonly RateTerms[];
}

/** Prices as their author wrote them down, in canonical form. */
export interface PriceDocument {
  readonly version: string;
  readonly source: string;
  readonly recordedAt: string;
  readonly models: readonly EntryTerms[];
}

/** A document and the hash of it. */
export interface HashedDocument {
  readonly document: PriceDocument;
  readonly hash: string;
}

export type PriceCommand =
  /** Only where no prices were ever recorded. */
  | ({ readonly type: 'SeedPrices' } & HashedDocument)
  | ({
      readonly type: 'RevisePrices';
      readonly layer: PriceLayer;
      readonly reason: string | null;
      /** The book version that the author looked at; undefined: whatever there is. */
      readonly expectedVersion: number | undefined;
    } & HashedDocument)
  | { readonly type: 'ClearOverrides'; readonly reason: string | null; readonly expectedVersion: number | undefined };

export type PriceRefusal = 'VersionMismatch';

export interface LayerState {
  readonly label: string | null;
  readonly source: string | null;
  readonly authorRecordedAt: string | null;
  readonly documentHash: string | null;
  readonly entries: ReadonlyMap<string, PriceEntry>;
}

export interface PriceBookState {
  /** 0: no prices yet. */
  readonly bookVersion: number;
  readonly layers: Readonly<Record<PriceLayer, LayerState>>;
  /** Every row that there ever was, by its content. */
  readonly rateIds: ReadonlyMap<string, number>;
}

type PriceDecision = Decision<PriceEvent, PriceRefusal>;

const emptyLayer: LayerState = {
  label: null,
  source: null,
  authorRecordedAt: null,
  documentHash: null,
  entries: new Map(),
};

const initialState: PriceBookState = {
  bookVersion: 0,
  layers: { book: emptyLayer, override: emptyLayer },
  rateIds: new Map(),
};

function evolve(state: PriceBookState, event: PriceEvent): PriceBookState {
  if (event.type !== 'PriceBookRevised') return state;
  const { bookVersion, layer, label, source, authorRecordedAt, documentHash, changed, removed } = event.data;
  const entries = new Map(state.layers[layer].entries);
  for (const key of removed) entries.delete(keyOf(key));
  for (const entry of changed) entries.set(keyOf(entry), entry);
  const rateIds = new Map(state.rateIds);
  for (const entry of changed) {
    for (const rate of entry.rates) rateIds.set(contentOf(layer, entry, rate), rate.rateId);
  }
  return {
    bookVersion,
    layers: { ...state.layers, [layer]: { label, source, authorRecordedAt, documentHash, entries } },
    rateIds,
  };
}

function decide(command: PriceCommand, state: PriceBookState): PriceDecision {
  switch (command.type) {
    case 'SeedPrices':
      return state.bookVersion > 0 ? accepted() : accepted(revision(state, 'book', command, null));
    case 'RevisePrices':
      if (state.layers[command.layer].documentHash === command.hash) return accepted();
      if (isStale(command.expectedVersion, state)) return refused('VersionMismatch');
      return accepted(revision(state, command.layer, command, command.reason));
    case 'ClearOverrides': {
      const { documentHash, entries } = state.layers.override;
      if (documentHash === null) return accepted();
      if (isStale(command.expectedVersion, state)) return refused('VersionMismatch');
      return accepted({
        type: 'PriceBookRevised',
        data: {
          bookVersion: state.bookVersion + 1,
          layer: 'override',
          label: null,
          source: null,
          authorRecordedAt: null,
          documentHash: null,
          reason: command.reason,
          changed: [],
          removed: [...entries.values()].map(({ provider, model }) => ({ provider, model })),
        },
      });
    }
    default:
      return unreachable(command);
  }
}

function isStale(expectedVersion: number | undefined, { bookVersion }: PriceBookState): boolean {
  return expectedVersion !== undefined && expectedVersion !== bookVersion;
}

/** What differs from the layer as it is; a row that was ever there gets its number back, a new one the next. */
function revision(
  state: PriceBookState,
  layer: PriceLayer,
  { document, hash }: HashedDocument,
  reason: string | null,
): PriceBookRevised {
  const { entries } = state.layers[layer];
  const rateIds = new Map(state.rateIds);
  const numbered = document.models.map((terms): PriceEntry => {
    const { provider, model, aliases } = terms;
    return { provider, model, aliases, rates: terms.rates.map((rate) => ({ rateId: idOf(rate, terms), ...rate })) };
  });
  const wanted = new Set(document.models.map(keyOf));
  return {
    type: 'PriceBookRevised',
    data: {
      bookVersion: state.bookVersion + 1,
      layer,
      label: document.version,
      source: document.source,
      authorRecordedAt: document.recordedAt,
      documentHash: hash,
      reason,
      changed: numbered.filter((entry) => !isSame(layer, entry, entries.get(keyOf(entry)))),
      removed: [...entries].filter(([key]) => !wanted.has(key)).map(([, { provider, model }]) => ({ provider, model })),
    },
  };

  function idOf(rate: RateTerms, entry: ModelKey): number {
    const content = contentOf(layer, entry, rate);
    const id = rateIds.get(content) ?? rateIds.size + 1;
    rateIds.set(content, id);
    return id;
  }
}

function isSame(layer: PriceLayer, entry: PriceEntry, before: PriceEntry | undefined): boolean {
  const textOf = ({ aliases, rates }: PriceEntry) =>
    JSON.stringify([aliases, rates.map((rate) => contentOf(layer, entry, rate))]);
  return before !== undefined && textOf(entry) === textOf(before);
}

function keyOf({ provider, model }: ModelKey): string {
  return JSON.stringify([provider, model]);
}

/** Everything that makes a row this row; its number aside. */
function contentOf(layer: PriceLayer, { provider, model }: ModelKey, rate: RateTerms): string {
  return JSON.stringify([
    layer,
    provider,
    model,
    rate.serviceClass,
    rate.effectiveFrom,
    rate.effectiveTo,
    rate.promptThreshold,
    rate.inputPerMTok,
    rate.outputPerMTok,
    rate.cacheReadPerMTok,
    rate.cacheWritePerMTok,
    rate.cacheWrite1hPerMTok,
    rate.source,
  ]);
}

function unreachable(command: never): never {
  throw new Error(`no such command: ${JSON.stringify(command)}`);
}

export const priceBookDecider: Decider<PriceBookState, PriceCommand, PriceEvent, PriceRefusal> = {
  initialState,
  decide,
  evolve,
};
