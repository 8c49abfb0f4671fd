import { hash } from 'node:crypto';
import {
  STANDARD_CLASS,
  type PriceBookRevised,
  type PriceEntry,
  type PriceLayer,
} from '../../src/prices/prices.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import { effectiveEntries, modelKeyOf, noPrices, type PriceLayers } from './price-layers.js';
import { priceTable, type PriceTable } from './pricing.js';
import { ratePeriodsOf } from './rate-periods.js';
import { affectedScope } from './repricing-scope.js';

/** The book that usage is priced by now. Version 0: there is none yet. */
export interface CurrentBook {
  readonly version: number;
  readonly table: PriceTable;
}

/** Ready tables by the hash of what they were made of, so that no two databases can be mixed up. */
const ready = new Map<string, PriceTable>();
const MOST_READY = 4;

/** The book that the tables of this version hold. */
export async function currentBook(transaction: SqlTransaction, v: number): Promise<CurrentBook> {
  const [newest] = await transaction.run<{ book_version: number; effective_hash: string }>({
    name: `cost_current_book_v${v}`,
    text: `select book_version, effective_hash from price_book_v${v} order by book_version desc limit 1`,
  });
  if (newest === undefined) return { version: 0, table: priceTable([]) };
  const known = ready.get(newest.effective_hash);
  const table = known ?? priceTable(await storedEntries(transaction, v));
  if (known === undefined) remember(newest.effective_hash, table);
  return { version: newest.book_version, table };
}

/** Takes a revision into the tables, and notes which rows it leaves to be priced anew. One that is there changes nothing. */
export async function reviseBook(
  transaction: SqlTransaction,
  v: number,
  event: Stored<PriceBookRevised>,
): Promise<void> {
  const { data, metadata, position } = event;
  const { bookVersion, layer, changed, removed } = data;
  const before = await currentBook(transaction, v);
  if (bookVersion <= before.version) return;
  await removeEntries(transaction, v, layer, [...removed, ...changed]);
  await addEntries(transaction, v, layer, changed);
  await addRates(transaction, v, data);
  const entries = await storedEntries(transaction, v);
  const table = priceTable(entries);
  await replaceNames(transaction, v, table);
  await replacePeriods(transaction, v, entries);
  const effectiveHash = hash('sha256', JSON.stringify(entries));
  remember(effectiveHash, table);
  await transaction.run({
    text: `insert into price_book_v${v} (book_version, layer, label, source, author_recorded_at, recorded_at, reason,
                                         actor, position, document_hash, effective_hash)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    values: [
      bookVersion,
      layer,
      data.label,
      data.source,
      data.authorRecordedAt,
      metadata.recordedAt,
      data.reason,
      metadata.actor.name,
      position.commit,
      data.documentHash,
      effectiveHash,
    ],
  });
  await noteRepricing(transaction, v, bookVersion, before.table, table);
}

function remember(key: string, table: PriceTable): void {
  ready.set(key, table);
  const [oldest] = ready.keys();
  if (ready.size > MOST_READY && oldest !== undefined) ready.delete(oldest);
}

async function storedEntries(transaction: SqlTransaction, v: number): Promise<readonly PriceEntry[]> {
  const rows = await transaction.run<{ layer: PriceLayer; entry: PriceEntry }>({
    text: `select layer, entry from price_entry_v${v} order by layer, provider collate "C", model collate "C"`,
  });
  const layers: Record<PriceLayer, Map<string, PriceEntry>> = { book: new Map(), override: new Map() };
  for (const { layer, entry } of rows) layers[layer].set(modelKeyOf(entry), entry);
  return effectiveEntries({ ...noPrices, ...layers } satisfies PriceLayers);
}

async function removeEntries(
  transaction: SqlTransaction,
  v: number,
  layer: PriceLayer,
  keys: PriceBookRevised['data']['removed'],
): Promise<void> {
  await transaction.run({
    text: `delete from price_entry_v${v} e using unnest($2::text[], $3::text[]) as u (provider, model)
            where e.layer = $1 and e.provider = u.provider and e.model = u.model`,
    values: [layer, textArray(keys.map(({ provider }) => provider)), textArray(keys.map(({ model }) => model))],
  });
}

async function addEntries(
  transaction: SqlTransaction,
  v: number,
  layer: PriceLayer,
  entries: readonly PriceEntry[],
): Promise<void> {
  await transaction.run({
    text: `insert into price_entry_v${v} (layer, provider, model, entry)
           select $1, u.provider, u.model, u.entry::jsonb
             from unnest($2::text[], $3::text[], $4::text[]) as u (provider, model, entry)`,
    values: [
      layer,
      textArray(entries.map(({ provider }) => provider)),
      textArray(entries.map(({ model }) => model)),
      textArray(entries.map((entry) => JSON.stringify(entry))),
    ],
  });
}

async function addRates(transaction: SqlTransaction, v: number, data: PriceBookRevised['data']): Promise<void> {
  const rates = data.changed.flatMap(({ provider, model, rates }) =>
    rates.map((rate) => ({ ...rate, provider, model })),
  );
  const text = (valueOf: (rate: (typeof rates)[number]) => string | undefined) =>
    textArray(rates.map((rate) => valueOf(rate) ?? null));
  await transaction.run({
    text: `
      insert into model_rate_v${v} (first_book_version, layer, rate_id, provider, model, service_class, effective_from,
        effective_to, prompt_threshold, input_mtok, output_mtok, cache_read_mtok, cache_write_mtok,
        cache_write_1h_mtok, source)
      select $1, $2, u.*
        from unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
                    $9::bigint[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[],
                    $15::text[]) as u
      on conflict (rate_id) do nothing`,
    values: [
      data.bookVersion,
      data.layer,
      plainArray(rates.map(({ rateId }) => rateId)),
      text(({ provider }) => provider),
      text(({ model }) => model),
      text(({ serviceClass }) => serviceClass ?? STANDARD_CLASS),
      text(({ effectiveFrom }) => effectiveFrom),
      text(({ effectiveTo }) => effectiveTo),
      plainArray(rates.map(({ promptThreshold }) => promptThreshold ?? 0)),
      text(({ inputPerMTok }) => inputPerMTok),
      text(({ outputPerMTok }) => outputPerMTok),
      text(({ cacheReadPerMTok }) => cacheReadPerMTok),
      text(({ cacheWritePerMTok }) => cacheWritePerMTok),
      text(({ cacheWrite1hPerMTok }) => cacheWrite1hPerMTok),
      text(({ source }) => source ?? data.source ?? undefined),
    ],
  });
}

async function replaceNames(transaction: SqlTransaction, v: number, { names }: PriceTable): Promise<void> {
  const rows = [...names];
  await transaction.run({ text: `delete from model_name_v${v}` });
  await transaction.run({
    text: `insert into model_name_v${v} (name, provider, model, kind)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])`,
    values: [
      textArray(rows.map(([name]) => name)),
      textArray(rows.map(([, { entry }]) => entry.provider)),
      textArray(rows.map(([, { entry }]) => entry.model)),
      textArray(rows.map(([, { kind }]) => kind)),
    ],
  });
}

async function replacePeriods(transaction: SqlTransaction, v: number, entries: readonly PriceEntry[]): Promise<void> {
  const periods = entries.flatMap(ratePeriodsOf);
  await transaction.run({ text: `delete from rate_period_v${v}` });
  await transaction.run({
    text: `
      insert into rate_period_v${v} (provider, model, service_class, prompt_threshold, valid, rate_id)
      select u.provider, u.model, u.service_class, u.prompt_threshold, tstzrange(u.valid_from, u.valid_to), u.rate_id
        from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
                    $7::integer[]) as u (provider, model, service_class, prompt_threshold, valid_from, valid_to, rate_id)`,
    values: [
      textArray(periods.map(({ provider }) => provider)),
      textArray(periods.map(({ model }) => model)),
      textArray(periods.map(({ serviceClass }) => serviceClass)),
      plainArray(periods.map(({ promptThreshold }) => promptThreshold)),
      textArray(periods.map(({ from }) => new Date(from).toISOString())),
      textArray(periods.map(({ to }) => (to === Infinity ? null : new Date(to).toISOString()))),
      plainArray(periods.map(({ rateId }) => rateId)),
    ],
  });
}

async function noteRepricing(
  transaction: SqlTransaction,
  v: number,
  bookVersion: number,
  before: PriceTable,
  after: PriceTable,
): Promise<void> {
  const models = await transaction.run<{ model: string }>({
    text: `select distinct model from cost_hour_model_v${v} order by model`,
  });
  const scope = affectedScope(
    before,
    after,
    models.map(({ model }) => model),
  );
  await transaction.run({
    text: `
      insert into repricing_v${v} (book_version, state, scope, rows_total)
      select $1, case when counted.total = 0 then 'done' else 'pending' end, $2::jsonb, counted.total
        from (select coalesce(sum(r.requests), 0)::bigint as total
                from jsonb_to_recordset($2::jsonb) as s (model text, "from" bigint, "to" bigint)
                join cost_hour_model_v${v} r on r.model = s.model
                 and (s."from" is null
                      or r.bucket > timestamptz 'epoch' + (s."from" - 3600000) * interval '1 millisecond')
                 and (s."to" is null or r.bucket < timestamptz 'epoch' + s."to" * interval '1 millisecond')) counted`,
    values: [bookVersion, JSON.stringify(scope)],
  });
}
