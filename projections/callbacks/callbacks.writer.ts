import type { CallbackSecretEvent } from '../../src/callbacks/callbacks.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { CallbackRow, CallbacksChanges, SecretUse } from './callbacks.fold.js';

type Accepted = CallbackRow & Required<Pick<CallbackRow, 'accepted'>>;
type Concluded = CallbackRow & Required<Pick<CallbackRow, 'concluded'>>;

export async function writeCallbacks(
  transaction: SqlTransaction,
  { callbacks, uses, secrets }: CallbacksChanges,
  version: number,
): Promise<void> {
  const rows = [...callbacks.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
  await insertCallbacks(
    transaction,
    rows.filter((row): row is Accepted => row.accepted !== undefined),
    version,
  );
  const late = rows.filter((row): row is Concluded => row.accepted === undefined && row.concluded !== undefined);
  await concludeCallbacks(transaction, late, version);
  await addUses(transaction, [...uses.values()], version);
  for (const event of secrets) await applySecret(transaction, event, version);
}

async function insertCallbacks(transaction: SqlTransaction, rows: readonly Accepted[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `callbacks_insert_v${v}`,
    text: `
      insert into callbacks_v${v} (
        stream, revision, position, workspace_id, agent_id, agent_name, sender_id, scheme, type, task_id, accepted_at,
        concluded_at, task_status, overruled)
      select * from unnest(
        $1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[])
      on conflict (stream, revision) do nothing`,
    values: [
      textArray(rows.map((row) => row.stream)),
      plainArray(rows.map((row) => row.revision)),
      plainArray(rows.map((row) => row.accepted.position)),
      plainArray(rows.map((row) => row.accepted.workspaceId)),
      plainArray(rows.map((row) => row.accepted.data.agentId)),
      textArray(rows.map((row) => row.accepted.data.agentName)),
      textArray(rows.map((row) => row.accepted.data.senderId)),
      textArray(rows.map((row) => row.accepted.data.scheme)),
      textArray(rows.map((row) => row.accepted.data.report.type)),
      plainArray(rows.map((row) => row.accepted.data.report.taskId)),
      textArray(rows.map((row) => row.accepted.at)),
      textArray(rows.map((row) => row.concluded?.at ?? null)),
      textArray(rows.map((row) => row.concluded?.taskStatus ?? null)),
      textArray(rows.map((row) => row.concluded?.overruled ?? null)),
    ],
  });
}

async function concludeCallbacks(transaction: SqlTransaction, rows: readonly Concluded[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `callbacks_conclude_v${v}`,
    text: `
      update callbacks_v${v} c
         set concluded_at = u.concluded_at, task_status = u.task_status, overruled = u.overruled
        from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[])
          as u (stream, revision, concluded_at, task_status, overruled)
       where c.stream = u.stream and c.revision = u.revision`,
    values: [
      textArray(rows.map((row) => row.stream)),
      plainArray(rows.map((row) => row.revision)),
      textArray(rows.map((row) => row.concluded.at)),
      textArray(rows.map((row) => row.concluded.taskStatus)),
      textArray(rows.map((row) => row.concluded.overruled)),
    ],
  });
}

async function addUses(transaction: SqlTransaction, uses: readonly SecretUse[], v: number): Promise<void> {
  if (uses.length === 0) return;
  const sorted = uses.toSorted((a, b) => a.agentId - b.agentId || a.secretId - b.secretId);
  await transaction.run({
    name: `callback_secret_uses_add_v${v}`,
    text: `
      insert into callback_secret_uses_v${v} as s (agent_id, secret_id, use_count, last_used_at)
      select * from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::timestamptz[])
      on conflict (agent_id, secret_id) do update
         set use_count = s.use_count + excluded.use_count,
             last_used_at = greatest(s.last_used_at, excluded.last_used_at)`,
    values: [
      plainArray(sorted.map((use) => use.agentId)),
      plainArray(sorted.map((use) => use.secretId)),
      plainArray(sorted.map((use) => use.count)),
      textArray(sorted.map((use) => use.lastAt)),
    ],
  });
}

/** Rare, and each depends on the one before it: one by one. */
async function applySecret(transaction: SqlTransaction, event: Stored<CallbackSecretEvent>, v: number): Promise<void> {
  const at = event.metadata.recordedAt;
  const { agentId } = event.data;
  switch (event.type) {
    case 'CallbackSecretIssued':
      await transaction.run({
        name: `callback_secrets_before_v${v}`,
        text: `
          update callback_secrets_v${v} set valid_until = $2::timestamptz
           where agent_id = $1::bigint and secret_id < $3::integer and valid_until is null and ended_at is null`,
        values: [agentId, event.data.previousValidUntil, event.data.secretId],
      });
      await transaction.run({
        name: `callback_secrets_issue_v${v}`,
        text: `
          insert into callback_secrets_v${v} (agent_id, secret_id, issued_at)
          values ($1::bigint, $2::integer, $3::timestamptz)
          on conflict (agent_id, secret_id) do nothing`,
        values: [agentId, event.data.secretId, at],
      });
      return;
    case 'CallbackSecretEnded':
      await transaction.run({
        name: `callback_secrets_end_v${v}`,
        text: `
          update callback_secrets_v${v} set ended_at = $3::timestamptz
           where agent_id = $1::bigint and secret_id = $2::integer`,
        values: [agentId, event.data.secretId, at],
      });
      return;
    case 'LegacyCallbacksAllowed':
    case 'LegacyCallbacksForbidden':
      await transaction.run({
        name: `callback_agents_v${v}`,
        text: `
          insert into callback_agents_v${v} (agent_id, workspace_id, legacy_allowed)
          values ($1::bigint, $2::integer, $3::boolean)
          on conflict (agent_id) do update set legacy_allowed = excluded.legacy_allowed`,
        values: [agentId, event.metadata.workspaceId, event.type === 'LegacyCallbacksAllowed'],
      });
  }
}
