import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import {
  priceBookDecider,
  type EntryTerms,
  type PriceBookState,
  type PriceCommand,
  type PriceDocument,
} from './price-book.decider.js';
import { parsePriceDocument } from './price-document.js';
import type { PriceEntry, PriceEvent, PriceLayer, RateTerms } from './prices.events.js';

const { given, fold } = deciderSpec(priceBookDecider);

const row = (inputPerMTok: string, more: Partial<RateTerms> = {}): RateTerms => ({
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  inputPerMTok,
  outputPerMTok: '15',
  ...more,
});
const model = (name: string, ...rates: readonly RateTerms[]): EntryTerms => ({
  provider: 'openai',
  model: name,
  aliases: [],
  rates,
});
const numbered = (entry: EntryTerms, ...rateIds: readonly number[]): PriceEntry => ({
  ...entry,
  rates: entry.rates.map((rate, index) => ({ rateId: rateIds[index] ?? 0, ...rate })),
});

function documentOf(version: string, ...models: readonly EntryTerms[]): PriceDocument {
  return { version, source: 'by hand', recordedAt: '2026-01-01T00:00:00.000Z', models };
}

function hashed(document: PriceDocument) {
  const parsed = parsePriceDocument(JSON.parse(JSON.stringify(document)));
  if (parsed.kind === 'invalid') throw new Error(parsed.faults.join());
  return parsed;
}

function revise(document: PriceDocument, layer: PriceLayer = 'book', expectedVersion?: number): PriceCommand {
  return { type: 'RevisePrices', layer, reason: null, expectedVersion, ...hashed(document) };
}

function revised(
  bookVersion: number,
  layer: PriceLayer,
  document: PriceDocument,
  changed: readonly PriceEntry[],
  removed: readonly string[] = [],
): PriceEvent {
  const { version, source, recordedAt } = document;
  return {
    type: 'PriceBookRevised',
    data: {
      bookVersion,
      layer,
      label: version,
      source,
      authorRecordedAt: recordedAt,
      documentHash: hashed(document).hash,
      reason: null,
      changed,
      removed: removed.map((name) => ({ provider: 'openai', model: name })),
    },
  };
}

const first = documentOf('1', model('a', row('1'), row('2', { promptThreshold: 9 })), model('b', row('1')));
const seeded = revised(1, 'book', first, [
  numbered(model('a', row('1'), row('2', { promptThreshold: 9 })), 1, 2),
  numbered(model('b', row('1')), 3),
]);

describe('the first prices', () => {
  it('are numbered from one, row by row', () => {
    given()
      .when({ type: 'SeedPrices', ...hashed(first) })
      .thenEvents(seeded);
  });

  it('come in only where there are none', () => {
    given(seeded)
      .when({ type: 'SeedPrices', ...hashed(documentOf('2')) })
      .thenNothing();
  });
});

describe('a revision', () => {
  it('records what differs, and what is gone', () => {
    const document = documentOf('2', model('a', row('1'), row('3', { promptThreshold: 9 })), model('c', row('1')));
    given(seeded)
      .when(revise(document))
      .thenEvents(
        revised(
          2,
          'book',
          document,
          [numbered(model('a', row('1'), row('3', { promptThreshold: 9 })), 1, 4), numbered(model('c', row('1')), 5)],
          ['b'],
        ),
      );
  });

  it('of nothing but the label is recorded without changes', () => {
    const document = { ...first, version: 'reviewed' };
    given(seeded)
      .when(revise(document))
      .thenEvents(revised(2, 'book', document, []));
  });

  it('of nothing at all is no event', () => {
    given(seeded).when(revise(first)).thenNothing();
  });

  it('of aliases is one of the entry, and its rows keep their numbers', () => {
    const renamed = { ...model('b', row('1')), aliases: ['bee'] };
    const document = documentOf('2', model('a', row('1'), row('2', { promptThreshold: 9 })), renamed);
    given(seeded)
      .when(revise(document))
      .thenEvents(revised(2, 'book', document, [numbered(renamed, 3)]));
  });

  it('that brings a row back gives it its old number', () => {
    const cheaper = documentOf('2', model('b', row('0.5')));
    const again = documentOf('3', model('b', row('1')));
    given(seeded, revised(2, 'book', cheaper, [numbered(model('b', row('0.5')), 4)], ['a']))
      .when(revise(again))
      .thenEvents(revised(3, 'book', again, [numbered(model('b', row('1')), 3)]));
  });

  it('of the overrides has rows of its own, also where they say the same', () => {
    const document = documentOf('mine', model('b', row('1')));
    given(seeded)
      .when(revise(document, 'override'))
      .thenEvents(revised(2, 'override', document, [numbered(model('b', row('1')), 4)]));
  });

  it('is refused when the author looked at another version', () => {
    given(seeded)
      .when(revise(documentOf('2'), 'book', 0))
      .thenRefused('VersionMismatch');
    given()
      .when(revise(documentOf('2'), 'book', 1))
      .thenRefused('VersionMismatch');
  });

  it('that holds already is no conflict, whatever version its author looked at', () => {
    given(seeded)
      .when(revise(first, 'book', 0))
      .thenNothing();
  });
});

describe('the overrides', () => {
  const mine = documentOf('mine', model('b', row('7')));
  const overridden = revised(2, 'override', mine, [numbered(model('b', row('7')), 4)]);
  const clear = { type: 'ClearOverrides', reason: 'over', expectedVersion: undefined } as const;

  it('are cleared as one fact that says what goes', () => {
    given(seeded, overridden)
      .when(clear)
      .thenEvents({
        type: 'PriceBookRevised',
        data: {
          bookVersion: 3,
          layer: 'override',
          label: null,
          source: null,
          authorRecordedAt: null,
          documentHash: null,
          reason: 'over',
          changed: [],
          removed: [{ provider: 'openai', model: 'b' }],
        },
      });
  });

  it('that are not there are cleared by nothing', () => {
    given(seeded).when(clear).thenNothing();
  });

  it('are not cleared for somebody who looked at another version', () => {
    given(seeded, overridden)
      .when({ ...clear, expectedVersion: 1 })
      .thenRefused('VersionMismatch');
  });
});

describe('always', () => {
  const rates = fc
    .uniqueArray(fc.constantFrom('1', '2', '3'), { minLength: 1, maxLength: 3 })
    .map((inputs) => inputs.map((input, index) => row(input, index === 0 ? {} : { promptThreshold: index })));
  const document = fc
    .tuple(
      fc.constantFrom('x', 'y'),
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
      fc.array(rates, { minLength: 3, maxLength: 3 }),
    )
    .map(([version, names, rows]) =>
      documentOf(version, ...names.map((name, index) => model(name, ...(rows[index] ?? [])))),
    );
  const command = fc.oneof(
    fc
      .tuple(document, fc.constantFrom<PriceLayer>('book', 'override'), fc.option(fc.nat(5), { nil: undefined }))
      .map((args) => revise(...args)),
    document.map((each): PriceCommand => ({ type: 'SeedPrices', ...hashed(each) })),
    fc.record({
      type: fc.constant('ClearOverrides' as const),
      reason: fc.constant(null),
      expectedVersion: fc.option(fc.nat(5), { nil: undefined }),
    }),
  );

  const run = (commands: readonly PriceCommand[]) => {
    const events: PriceEvent[] = [];
    let state: PriceBookState = priceBookDecider.initialState;
    for (const each of commands) {
      const decision = priceBookDecider.decide(each, state);
      if (decision.kind !== 'accepted') continue;
      events.push(...decision.events);
      state = fold(events);
      expect(priceBookDecider.decide(each, state)).toEqual({ kind: 'accepted', events: [] });
    }
    return { events, state };
  };

  it('decides nothing when the goal already holds, whatever came before', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 12 }), (commands) => void run(commands)));
  });

  it('numbers versions without a gap, and a row by its content for ever', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
        const { events } = run(commands);
        expect(events.map(({ data }) => data.bookVersion)).toEqual(events.map((_, index) => index + 1));
        const contents = new Map<number, string>();
        const ids = new Map<string, number>();
        for (const { data } of events) {
          for (const { provider, model: name, rates: rows } of data.changed) {
            for (const { rateId, ...terms } of rows) {
              const content = JSON.stringify([data.layer, provider, name, terms]);
              expect(contents.get(rateId) ?? content).toBe(content);
              expect(ids.get(content) ?? rateId).toBe(rateId);
              contents.set(rateId, content);
              ids.set(content, rateId);
            }
          }
        }
        expect([...contents.keys()].sort((a, b) => a - b)).toEqual([...contents.keys()].map((_, index) => index + 1));
      }),
    );
  });

  it('ignores event types that it does not know', () => {
    const state = fold([seeded]);
    expect(priceBookDecider.evolve(state, { type: 'PricesBurnt', data: {} } as unknown as PriceEvent)).toBe(state);
  });
});
