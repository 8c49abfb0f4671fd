import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { ActivityRow } from './activities.fold.js';

export async function writeActivities(
  transaction: SqlTransaction,
  rows: readonly ActivityRow[],
  version: number,
): Promise<void> {
  if (rows.length === 0) return;
  await insertActivities(transaction, rows, version);
  await insertAgents(transaction, rows, version);
  await settle(transaction, rows, version);
}

async function insertActivities(transaction: SqlTransaction, rows: readonly ActivityRow[], v: number): Promise<void> {
  await transaction.run({
    name: `activities_insert_v${v}`,
    text: `
      with fresh as (
        insert into activities_v${v} (
          id, workspace_id, type, entity_type, entity_id, actor, description, data, admin_only, urgent_for, created_at)
        select * from unnest(
          $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::json[],
          $9::boolean[], $10::text[], $11::timestamptz[])
        on conflict (id) do nothing
        returning workspace_id, type, entity_type, admin_only
      )
      insert into activity_counts_v${v} as c (workspace_id, type, entity_type, admin_only, activities)
      select workspace_id, type, entity_type, admin_only, count(*) from fresh
       group by workspace_id, type, entity_type, admin_only
       order by workspace_id, type, entity_type, admin_only
      on conflict (workspace_id, type, entity_type, admin_only)
      do update set activities = c.activities + excluded.activities`,
    values: [
      plainArray(rows.map((row) => row.id)),
      plainArray(rows.map((row) => row.workspaceId)),
      textArray(rows.map((row) => row.type)),
      textArray(rows.map((row) => row.entityType)),
      plainArray(rows.map((row) => row.entityId)),
      textArray(rows.map((row) => row.actor)),
      textArray(rows.map((row) => row.description)),
      textArray(rows.map((row) => (row.data === null ? null : JSON.stringify(row.data)))),
      plainArray(rows.map((row) => row.adminOnly)),
      textArray(rows.map((row) => row.urgentFor)),
      textArray(rows.map((row) => row.at)),
    ],
  });
}

async function insertAgents(transaction: SqlTransaction, rows: readonly ActivityRow[], v: number): Promise<void> {
  const agents = rows.flatMap((row) => row.agentIds.map((agentId) => ({ agentId, id: row.id })));
  if (agents.length === 0) return;
  await transaction.run({
    name: `activity_agents_insert_v${v}`,
    text: `
      insert into activity_agents_v${v} (agent_id, activity_id)
      select * from unnest($1::bigint[], $2::bigint[])
      on conflict (agent_id, activity_id) do nothing`,
    values: [plainArray(agents.map((one) => one.agentId)), plainArray(agents.map((one) => one.id))],
  });
}

/** A task that is gone waits no more for whom it was assigned to. */
async function settle(transaction: SqlTransaction, rows: readonly ActivityRow[], v: number): Promise<void> {
  const gone = rows.filter((row) => row.settledFor !== null);
  if (gone.length === 0) return;
  await transaction.run({
    name: `activities_settle_v${v}`,
    text: `
      update activities_v${v} a
         set urgent_for = null
        from unnest($1::bigint[], $2::text[]) as u (task_id, urgent_for)
       where a.entity_id = u.task_id and a.urgent_for = u.urgent_for`,
    values: [plainArray(gone.map((row) => row.entityId)), textArray(gone.map((row) => row.settledFor))],
  });
}
