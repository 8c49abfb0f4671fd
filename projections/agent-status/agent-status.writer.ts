import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { AgentChange, AgentStatusChanges, ConnectionChange } from './agent-status.fold.js';

export async function writeAgentStatus(
  transaction: SqlTransaction,
  { agents, connections, lastBeats }: AgentStatusChanges,
  version: number,
): Promise<void> {
  const agentRows = [...agents.values()].sort((a, b) => a.agentId - b.agentId);
  const connectionRows = [...connections.values()].sort(byText((row) => row.connectionId));

  await insertAgents(transaction, agentRows.filter(isRegistration), version);
  await patchAgents(
    transaction,
    agentRows.filter((row) => row.registered === undefined),
    version,
  );
  await insertConnections(transaction, connectionRows.filter(isOpening), version);
  await closeConnections(transaction, connectionRows.filter(isClosingOnly), version);
  await noteLastBeats(transaction, [...lastBeats].sort(byText(([id]) => id)), version);
}

type Registration = AgentChange & Required<Pick<AgentChange, 'registered' | 'name' | 'role' | 'status'>>;
type Opening = ConnectionChange & Required<Pick<ConnectionChange, 'opened'>>;
type Closing = ConnectionChange & Required<Pick<ConnectionChange, 'closed'>>;

const isRegistration = (row: AgentChange): row is Registration => row.registered !== undefined;
const isOpening = (row: ConnectionChange): row is Opening => row.opened !== undefined;
const isClosingOnly = (row: ConnectionChange): row is Closing => row.opened === undefined && row.closed !== undefined;

async function insertAgents(transaction: SqlTransaction, rows: readonly Registration[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `agents_insert_v${v}`,
    text: `
      insert into agents_v${v} as a (
        agent_id, workspace_id, name, role, status, source, session_key, soul_content, config, runtime_type,
        last_activity, last_activity_at, connection_id, epoch, created_at, updated_at, retired_at, revision)
      select * from unnest(
        $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::json[],
        $10::text[], $11::text[], $12::timestamptz[], $13::uuid[], $14::integer[], $15::timestamptz[],
        $16::timestamptz[], $17::timestamptz[], $18::bigint[])
      on conflict (agent_id) do nothing`,
    values: [
      plainArray(rows.map((row) => row.agentId)),
      plainArray(rows.map((row) => row.registered.workspaceId)),
      textArray(rows.map((row) => row.name)),
      textArray(rows.map((row) => row.role)),
      textArray(rows.map((row) => row.status)),
      textArray(rows.map((row) => row.registered.source)),
      textArray(rows.map((row) => row.sessionKey ?? null)),
      textArray(rows.map((row) => row.soulContent ?? null)),
      textArray(rows.map((row) => JSON.stringify(row.config ?? {}))),
      textArray(rows.map((row) => row.runtimeType ?? null)),
      textArray(rows.map((row) => row.lastActivity ?? null)),
      textArray(rows.map((row) => row.lastActivityAt ?? null)),
      plainArray(rows.map((row) => row.connectionId ?? null)),
      plainArray(rows.map((row) => row.epoch ?? 0)),
      textArray(rows.map((row) => row.registered.at)),
      textArray(rows.map((row) => row.updatedAt)),
      textArray(rows.map((row) => row.retiredAt ?? null)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

/** Fields that may be set to nothing say by a bit whether they were touched at all. */
const touched = { sessionKey: 1, soulContent: 2, runtimeType: 4, connectionId: 8 } as const;

function maskOf(row: AgentChange): number {
  let mask = 0;
  if (row.sessionKey !== undefined) mask |= touched.sessionKey;
  if (row.soulContent !== undefined) mask |= touched.soulContent;
  if (row.runtimeType !== undefined) mask |= touched.runtimeType;
  if (row.connectionId !== undefined) mask |= touched.connectionId;
  return mask;
}

async function patchAgents(transaction: SqlTransaction, rows: readonly AgentChange[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `agents_patch_v${v}`,
    text: `
      update agents_v${v} a
         set name = coalesce(u.name, a.name),
             role = coalesce(u.role, a.role),
             status = coalesce(u.status, a.status),
             config = coalesce(u.config, a.config),
             session_key = case when u.mask & ${touched.sessionKey} <> 0 then u.session_key else a.session_key end,
             soul_content = case when u.mask & ${touched.soulContent} <> 0 then u.soul_content else a.soul_content end,
             runtime_type = case when u.mask & ${touched.runtimeType} <> 0 then u.runtime_type else a.runtime_type end,
             connection_id =
               case when u.mask & ${touched.connectionId} <> 0 then u.connection_id else a.connection_id end,
             last_activity = coalesce(u.last_activity, a.last_activity),
             last_activity_at = coalesce(u.last_activity_at, a.last_activity_at),
             epoch = coalesce(u.epoch, a.epoch),
             retired_at = coalesce(u.retired_at, a.retired_at),
             updated_at = u.updated_at,
             revision = u.revision
        from unnest(
          $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::json[], $7::text[], $8::text[],
          $9::text[], $10::uuid[], $11::text[], $12::timestamptz[], $13::integer[], $14::timestamptz[],
          $15::timestamptz[], $16::bigint[])
          as u (agent_id, mask, name, role, status, config, session_key, soul_content, runtime_type, connection_id,
                last_activity, last_activity_at, epoch, retired_at, updated_at, revision)
       where a.agent_id = u.agent_id and a.revision < u.revision`,
    values: [
      plainArray(rows.map((row) => row.agentId)),
      plainArray(rows.map(maskOf)),
      textArray(rows.map((row) => row.name ?? null)),
      textArray(rows.map((row) => row.role ?? null)),
      textArray(rows.map((row) => row.status ?? null)),
      textArray(rows.map((row) => (row.config === undefined ? null : JSON.stringify(row.config)))),
      textArray(rows.map((row) => row.sessionKey ?? null)),
      textArray(rows.map((row) => row.soulContent ?? null)),
      textArray(rows.map((row) => row.runtimeType ?? null)),
      plainArray(rows.map((row) => row.connectionId ?? null)),
      textArray(rows.map((row) => row.lastActivity ?? null)),
      textArray(rows.map((row) => row.lastActivityAt ?? null)),
      plainArray(rows.map((row) => row.epoch ?? null)),
      textArray(rows.map((row) => row.retiredAt ?? null)),
      textArray(rows.map((row) => row.updatedAt)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

async function insertConnections(transaction: SqlTransaction, rows: readonly Opening[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `connections_insert_v${v}`,
    text: `
      insert into connections_v${v} (
        connection_id, number, agent_id, workspace_id, tool_name, tool_version, metadata, epoch, opened_at, closed_at,
        close_reason, replaced_by, updated_at, revision)
      select * from unnest(
        $1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::json[], $8::integer[],
        $9::timestamptz[], $10::timestamptz[], $11::text[], $12::uuid[], $13::timestamptz[], $14::bigint[])
      on conflict (connection_id) do nothing`,
    values: [
      plainArray(rows.map((row) => row.connectionId)),
      plainArray(rows.map((row) => row.opened.number)),
      plainArray(rows.map((row) => row.opened.agentId)),
      plainArray(rows.map((row) => row.opened.workspaceId)),
      textArray(rows.map((row) => row.opened.toolName)),
      textArray(rows.map((row) => row.opened.toolVersion)),
      textArray(rows.map((row) => (row.opened.metadata === null ? null : JSON.stringify(row.opened.metadata)))),
      plainArray(rows.map((row) => row.opened.epoch)),
      textArray(rows.map((row) => row.opened.openedAt)),
      textArray(rows.map((row) => row.closed?.at ?? null)),
      textArray(rows.map((row) => row.closed?.reason ?? null)),
      plainArray(rows.map((row) => row.closed?.replacedBy ?? null)),
      textArray(rows.map((row) => row.updatedAt)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

async function closeConnections(transaction: SqlTransaction, rows: readonly Closing[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `connections_close_v${v}`,
    text: `
      update connections_v${v} c
         set closed_at = u.closed_at, close_reason = u.close_reason, replaced_by = u.replaced_by,
             updated_at = u.closed_at, revision = u.revision
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::bigint[])
          as u (connection_id, closed_at, close_reason, replaced_by, revision)
       where c.connection_id = u.connection_id and c.revision < u.revision`,
    values: [
      plainArray(rows.map((row) => row.connectionId)),
      textArray(rows.map((row) => row.closed.at)),
      textArray(rows.map((row) => row.closed.reason)),
      plainArray(rows.map((row) => row.closed.replacedBy)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

async function noteLastBeats(
  transaction: SqlTransaction,
  rows: readonly (readonly [string, string])[],
  v: number,
): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `connections_last_beat_v${v}`,
    text: `
      update connections_v${v} c
         set last_beat_at = greatest(c.last_beat_at, u.at)
        from unnest($1::uuid[], $2::timestamptz[]) as u (connection_id, at)
       where c.connection_id = u.connection_id`,
    values: [plainArray(rows.map(([id]) => id)), textArray(rows.map(([, at]) => at))],
  });
}

function byText<T>(textOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const left = textOf(a);
    const right = textOf(b);
    return left < right ? -1 : left > right ? 1 : 0;
  };
}
