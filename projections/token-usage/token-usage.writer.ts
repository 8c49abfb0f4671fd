import type { TokenUsageReported } from '../../src/tokens/tokens.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { Amendment, TokenUsageChanges } from './token-usage.fold.js';

export async function writeTokenUsage(
  transaction: SqlTransaction,
  { reports, amendments }: TokenUsageChanges,
  version: number,
): Promise<void> {
  if (reports.length > 0) await addClaims(transaction, version, reports);
  if (amendments.length > 0) await amendClaims(transaction, version, amendments);
}

async function addClaims(
  transaction: SqlTransaction,
  v: number,
  reports: readonly Stored<TokenUsageReported>[],
): Promise<void> {
  await transaction.run({
    name: `token_usage_add_v${v}`,
    text: `
      insert into token_usage_v${v} (id, content_digest, shard, revision, latest_revision)
      select u.id, u.content_digest, u.shard, u.revision, u.revision
        from unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[]) as u (id, content_digest, shard, revision)
      on conflict (id) do nothing`,
    values: [
      plainArray(reports.map(({ data }) => data.id)),
      textArray(reports.map(({ data }) => data.contentDigest)),
      plainArray(reports.map(({ stream }) => shardOf(stream))),
      plainArray(reports.map(({ revision }) => revision)),
    ],
  });
}

async function amendClaims(transaction: SqlTransaction, v: number, amendments: readonly Amendment[]): Promise<void> {
  await transaction.run({
    name: `token_usage_amend_v${v}`,
    text: `
      update token_usage_v${v} t
         set latest_revision = u.latest_revision
        from unnest($1::uuid[], $2::bigint[]) as u (id, latest_revision)
       where t.id = u.id and t.latest_revision < u.latest_revision`,
    values: [
      plainArray(amendments.map(({ id }) => id)),
      plainArray(amendments.map(({ latestRevision }) => latestRevision)),
    ],
  });
}

/** The number in `usage-{shard}`. */
function shardOf(stream: string): number {
  const shard = Number(stream.slice('usage-'.length));
  if (!stream.startsWith('usage-') || !Number.isInteger(shard)) throw new Error(`${stream} is no usage shard`);
  return shard;
}
