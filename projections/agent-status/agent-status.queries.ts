import type { AgentStatus, RuntimeType } from '../../src/agents/agents.events.js';
import type { Json } from '../../src/platform/event-store/stored-event.js';
import type { SqlReader } from '../engine/sql.js';

export interface AgentRow {
  readonly id: number;
  readonly workspaceId: number;
  readonly name: string;
  readonly role: string;
  readonly status: AgentStatus;
  readonly source: 'connect' | 'api' | 'self';
  readonly sessionKey: string | null;
  readonly soulContent: string | null;
  readonly config: { readonly [key: string]: Json | undefined };
  readonly runtimeType: RuntimeType | null;
  readonly lastSeen: Date | null;
  readonly lastActivity: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly epoch: number;
  /** Revision of the agent's stream that the row has reached. */
  readonly revision: bigint;
  readonly connection: OpenConnection | null;
}

export interface OpenConnection {
  readonly connectionId: string;
  readonly toolName: string;
  readonly createdAt: Date;
  readonly lastHeartbeat: Date;
}

export interface ConnectionRow {
  /** Grows with every connection; unique. */
  readonly id: number;
  readonly connectionId: string;
  readonly agentId: number;
  readonly agentName: string;
  readonly agentStatus: AgentStatus;
  readonly agentRole: string;
  readonly workspaceId: number;
  readonly toolName: string;
  readonly toolVersion: string | null;
  /** A JSON text, or null. */
  readonly metadata: string | null;
  readonly status: 'connected' | 'disconnected';
  readonly epoch: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastHeartbeat: Date;
  readonly closeReason: string | null;
  readonly closedAt: Date | null;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

export interface AgentFilter {
  /** This agent alone. */
  readonly agentId?: number;
  readonly status?: AgentStatus;
  readonly role?: string;
  /** Part of the name, any case. */
  readonly text?: string;
}

export interface ConnectionFilter {
  readonly status?: 'connected' | 'disconnected';
  readonly agentId?: number;
  /** Exact current name. */
  readonly agentName?: string;
}

const AGENT_COLUMNS = `
  a.agent_id, a.workspace_id, a.name, a.role, a.status, a.source, a.session_key, a.soul_content, a.config,
  a.runtime_type, a.created_at, a.updated_at, a.epoch, a.revision, a.connection_id, c.tool_name, c.opened_at,
  coalesce(l.last_seen, c.opened_at) as last_seen,
  case when a.last_activity_at is null or l.last_activity_at > a.last_activity_at
       then coalesce(l.last_activity, a.last_activity) else a.last_activity end as last_activity`;

const AGENT_JOINS = `
  left join connections c on c.connection_id = a.connection_id
  left join liveness l on l.agent_id = a.agent_id`;

/**
 * Agents and their connections as the log has them. Every method takes the caller's workspace; another workspace's row
 * is as absent as one that never was. Retired agents are left out, their connections are not.
 */
export class AgentStatusQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. */
  async agents(workspaceId: number, filter: AgentFilter, paging: Paging): Promise<Page<AgentRow>> {
    const rows = await this.sql.query<Counted>(
      `with wanted as (
         select agent_id from agents
          where workspace_id = $1 and retired_at is null
            and ($2::text is null or status = $2)
            and ($3::text is null or role = $3)
            and ($4::text is null or position(lower($4) in lower(name)) > 0)
            and ($7::bigint is null or agent_id = $7)
       )
       select t.total, page.*
         from (select count(*) as total from wanted) t
         left join lateral (
           select ${AGENT_COLUMNS}
             from wanted w join agents a on a.agent_id = w.agent_id ${AGENT_JOINS}
            order by a.created_at desc, a.agent_id desc limit $5 offset $6
         ) page on true
        order by page.created_at desc, page.agent_id desc`,
      [
        workspaceId,
        filter.status ?? null,
        filter.role ?? null,
        filter.text ?? null,
        paging.limit,
        paging.offset,
        filter.agentId ?? null,
      ],
    );
    return { rows: rows.filter(isAgentRecord).map(agentOf), total: totalOf(rows) };
  }

  async agentById(workspaceId: number, agentId: number): Promise<AgentRow | undefined> {
    const [row] = await this.sql.query<AgentRecord>(
      `select ${AGENT_COLUMNS} from agents a ${AGENT_JOINS}
        where a.workspace_id = $1 and a.agent_id = $2 and a.retired_at is null`,
      [workspaceId, agentId],
    );
    return row === undefined ? undefined : agentOf(row);
  }

  /**
   * Agents whose handle (the name in lower case, blanks as `-`) may stand after an `@`, and whose name or handle holds
   * the text; by name.
   */
  async mentionable(
    workspaceId: number,
    { text, agentId }: { readonly text: string; readonly agentId?: number },
    limit: number,
  ): Promise<{ readonly rows: readonly Pick<AgentRow, 'name' | 'role'>[]; readonly total: number }> {
    const rows = await this.sql.query<{ name: string; role: string; total: string }>(
      `select name, role, count(*) over () as total from agents
        where workspace_id = $1 and retired_at is null
          and replace(name, ' ', '-') ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
          and (position(lower($2) in lower(name)) > 0 or position(lower($2) in lower(replace(name, ' ', '-'))) > 0)
          and ($3::bigint is null or agent_id = $3)
        order by lower(name), name limit $4`,
      [workspaceId, text, agentId ?? null, limit],
    );
    return { rows: rows.map(({ name, role }) => ({ name, role })), total: Number(rows[0]?.total ?? 0) };
  }

  /** By exact name. The name's own stream decides who owns it; this is a convenience for reading. */
  async agentByName(workspaceId: number, name: string): Promise<AgentRow | undefined> {
    const [row] = await this.sql.query<AgentRecord>(
      `select ${AGENT_COLUMNS} from agents a ${AGENT_JOINS}
        where a.workspace_id = $1 and a.name = $2 and a.retired_at is null`,
      [workspaceId, name],
    );
    return row === undefined ? undefined : agentOf(row);
  }

  /** Whom these handles mention (a handle is a name in lower case with blanks as `-`); of look-alikes the oldest. */
  async agentsByHandle(
    workspaceId: number,
    handles: readonly string[],
  ): Promise<readonly { readonly id: number; readonly name: string }[]> {
    const rows = await this.sql.query<{ readonly agent_id: string; readonly name: string }>(
      `select distinct on (lower(replace(name, ' ', '-'))) agent_id, name
         from agents
        where workspace_id = $1 and retired_at is null and lower(replace(name, ' ', '-')) = any($2::text[])
        order by lower(replace(name, ' ', '-')), agent_id`,
      [workspaceId, handles],
    );
    return rows.map(({ agent_id, name }) => ({ id: Number(agent_id), name }));
  }

  /** Newest first. */
  async connections(workspaceId: number, filter: ConnectionFilter, paging: Paging): Promise<Page<ConnectionRow>> {
    const rows = await this.sql.query<Counted>(
      `with wanted as (
         select c.connection_id
           from connections c
           left join agents a on a.agent_id = c.agent_id
          where c.workspace_id = $1
            and ($2::text is null or (c.closed_at is null) = ($2 = 'connected'))
            and ($3::bigint is null or c.agent_id = $3)
            and ($4::text is null or (a.name = $4 and a.retired_at is null))
       )
       select t.total, page.*
         from (select count(*) as total from wanted) t
         left join lateral (
           select c.connection_id, c.number, c.agent_id, c.workspace_id, c.tool_name, c.tool_version,
                  c.metadata::text as metadata, c.epoch, c.opened_at, c.updated_at, c.closed_at, c.close_reason,
                  a.name as agent_name, a.status as agent_status, a.role as agent_role,
                  greatest(
                    c.opened_at, c.last_beat_at, case when l.connection_id = c.connection_id then l.last_seen end
                  ) as last_heartbeat
             from wanted w
             join connections c on c.connection_id = w.connection_id
             join agents a on a.agent_id = c.agent_id
             left join liveness l on l.agent_id = c.agent_id
            order by c.number desc limit $5 offset $6
         ) page on true
        order by page.number desc`,
      [
        workspaceId,
        filter.status ?? null,
        filter.agentId ?? null,
        filter.agentName ?? null,
        paging.limit,
        paging.offset,
      ],
    );
    return { rows: rows.filter(isConnectionRecord).map(connectionOf), total: totalOf(rows) };
  }
}

interface AgentRecord {
  readonly agent_id: string;
  readonly workspace_id: number;
  readonly name: string;
  readonly role: string;
  readonly status: AgentStatus;
  readonly source: AgentRow['source'];
  readonly session_key: string | null;
  readonly soul_content: string | null;
  readonly config: AgentRow['config'];
  readonly runtime_type: RuntimeType | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly epoch: number;
  readonly revision: string;
  readonly connection_id: string | null;
  readonly tool_name: string | null;
  readonly opened_at: Date | null;
  readonly last_seen: Date | null;
  readonly last_activity: string | null;
}

interface ConnectionRecord {
  readonly connection_id: string;
  readonly number: string;
  readonly agent_id: string;
  readonly workspace_id: number;
  readonly tool_name: string;
  readonly tool_version: string | null;
  readonly metadata: string | null;
  readonly epoch: number;
  readonly opened_at: Date;
  readonly updated_at: Date;
  readonly closed_at: Date | null;
  readonly close_reason: string | null;
  readonly agent_name: string;
  readonly agent_status: AgentStatus;
  readonly agent_role: string;
  readonly last_heartbeat: Date;
}

// An empty page is one row that holds only the total.
interface Counted {
  readonly total: string;
}

const isAgentRecord = (row: Counted): row is Counted & AgentRecord => 'agent_id' in row && row.agent_id !== null;
const isConnectionRecord = (row: Counted): row is Counted & ConnectionRecord => 'number' in row && row.number !== null;

function totalOf(rows: readonly Counted[]): number {
  return Number(rows[0]?.total ?? 0);
}

function agentOf(row: AgentRecord): AgentRow {
  return {
    id: Number(row.agent_id),
    workspaceId: row.workspace_id,
    name: row.name,
    role: row.role,
    status: row.status,
    source: row.source,
    sessionKey: row.session_key,
    soulContent: row.soul_content,
    config: row.config,
    runtimeType: row.runtime_type,
    lastSeen: row.last_seen,
    lastActivity: row.last_activity,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    epoch: row.epoch,
    revision: BigInt(row.revision),
    connection: openConnectionOf(row),
  };
}

function openConnectionOf(row: AgentRecord): OpenConnection | null {
  if (row.connection_id === null || row.tool_name === null || row.opened_at === null) return null;
  return {
    connectionId: row.connection_id,
    toolName: row.tool_name,
    createdAt: row.opened_at,
    lastHeartbeat: row.last_seen ?? row.opened_at,
  };
}

function connectionOf(row: ConnectionRecord): ConnectionRow {
  return {
    id: Number(row.number),
    connectionId: row.connection_id,
    agentId: Number(row.agent_id),
    agentName: row.agent_name,
    agentStatus: row.agent_status,
    agentRole: row.agent_role,
    workspaceId: row.workspace_id,
    toolName: row.tool_name,
    toolVersion: row.tool_version,
    metadata: row.metadata,
    status: row.closed_at === null ? 'connected' : 'disconnected',
    epoch: row.epoch,
    createdAt: row.opened_at,
    updatedAt: row.updated_at,
    lastHeartbeat: row.last_heartbeat,
    closeReason: row.close_reason,
    closedAt: row.closed_at,
  };
}
