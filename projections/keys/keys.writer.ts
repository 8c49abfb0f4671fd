import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { KeysChanges, NewKeyRow, Revocation } from './keys.fold.js';

export async function writeKeys(
  transaction: SqlTransaction,
  { issued, revoked, lastUses }: KeysChanges,
  version: number,
): Promise<void> {
  await insertKeys(transaction, [...issued.values()].sort(byKeyId), version);
  await endKeys(
    transaction,
    [...revoked].sort(([a], [b]) => a - b),
    version,
  );
  await noteUses(
    transaction,
    [...lastUses].sort(([a], [b]) => (a < b ? -1 : 1)),
    version,
  );
}

const byKeyId = (a: NewKeyRow, b: NewKeyRow) => a.data.keyId - b.data.keyId;

async function insertKeys(transaction: SqlTransaction, rows: readonly NewKeyRow[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `api_keys_insert_v${v}`,
    text: `
      insert into api_keys_v${v} (
        key_id, workspace_id, agent_id, name, key_prefix, role, scopes, created_by, is_rotation, expires_at, created_at)
      select * from unnest(
        $1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::json[], $8::text[],
        $9::boolean[], $10::timestamptz[], $11::timestamptz[])
      on conflict (key_id) do nothing`,
    values: [
      plainArray(rows.map(({ data }) => data.keyId)),
      plainArray(rows.map(({ data }) => data.workspaceId)),
      plainArray(rows.map(({ data }) => data.agentId ?? null)),
      textArray(rows.map(({ data }) => data.name)),
      textArray(rows.map(({ data }) => data.prefix)),
      textArray(rows.map(({ data }) => data.role)),
      textArray(rows.map(({ data }) => JSON.stringify(data.scopes))),
      textArray(rows.map(({ createdBy }) => createdBy)),
      plainArray(rows.map(({ data }) => data.rotates !== undefined)),
      textArray(rows.map(({ data }) => data.expiresAt)),
      textArray(rows.map(({ createdAt }) => createdAt)),
    ],
  });
}

async function endKeys(
  transaction: SqlTransaction,
  rows: readonly (readonly [number, Revocation])[],
  v: number,
): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `api_keys_end_v${v}`,
    text: `
      update api_keys_v${v} k
         set revoked_at = u.revoked_at, revoke_reason = u.reason
        from unnest($1::bigint[], $2::timestamptz[], $3::text[]) as u (key_id, revoked_at, reason)
       where k.key_id = u.key_id and k.revoked_at is null`,
    values: [
      plainArray(rows.map(([keyId]) => keyId)),
      textArray(rows.map(([, { at }]) => at)),
      textArray(rows.map(([, { reason }]) => reason)),
    ],
  });
}

async function noteUses(
  transaction: SqlTransaction,
  rows: readonly (readonly [string, string])[],
  v: number,
): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `api_key_uses_note_v${v}`,
    text: `
      insert into api_key_uses_v${v} as k (credential_id, last_used_at)
      select * from unnest($1::text[], $2::timestamptz[])
      on conflict (credential_id) do update
         set last_used_at = excluded.last_used_at
       where k.last_used_at < excluded.last_used_at`,
    values: [textArray(rows.map(([id]) => id)), textArray(rows.map(([, at]) => at))],
  });
}
