import type { Position } from '../../src/platform/event-store/position.js';
import type { SqlReader } from '../engine/sql.js';

export interface Claim {
  readonly id: string;
  readonly contentDigest: string;
  readonly shard: number;
  readonly revision: bigint;
}

/** Which of the asked ids are already in the ledger, and up to where the ledger was complete in the same snapshot. */
export interface Claims {
  readonly checkpoint: Position;
  readonly claims: readonly Claim[];
}

/** Instants in ms since 1970; `from` is included, `until` is not. `agentId`: of this agent alone. Absent: no limit. */
export interface UsageRange {
  readonly agentId?: number;
  readonly from?: number;
  readonly until?: number;
}

export interface UsageRow {
  readonly id: string;
  readonly eventId: string;
  readonly workspaceId: number;
  readonly model: string;
  readonly sessionId: string;
  readonly agentName: string;
  readonly agentId: number | null;
  readonly operation: string;
  readonly taskId: number | null;
  readonly timestamp: number;
  readonly recordedAt: Date;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly provider: string | null;
  readonly serviceClass: string | null;
  readonly durationMs: number | null;
  readonly reportedCostUsd: string | null;
}

export interface UsagePage {
  readonly rows: readonly UsageRow[];
  readonly total: number;
}

/** Exact sums; they may lie above 2^53. */
export interface UsageSums {
  readonly requests: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cacheReadTokens: bigint;
  readonly cacheWriteTokens: bigint;
}

export type NamedSums = ReadonlyMap<string, UsageSums>;

export interface UsageStats {
  readonly summary: UsageSums;
  readonly models: NamedSums;
  readonly sessions: NamedSums;
  readonly agents: NamedSums;
}

export interface AgentUsage {
  readonly stats: UsageSums;
  readonly models: NamedSums;
  readonly sessions: readonly string[];
  /** By day in the asked zone, oldest first. */
  readonly timeline: readonly { readonly date: string; readonly sums: UsageSums }[];
  /** Ms since 1970 of the newest report. */
  readonly lastActive: number;
}

export interface UsagePaging {
  readonly limit: number;
  readonly offset: number;
}

const SUMS = `
  count(*) as requests, coalesce(sum(input_tokens), 0) as input_tokens,
  coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cache_read_tokens), 0) as cache_read_tokens,
  coalesce(sum(cache_write_tokens), 0) as cache_write_tokens`;

const IN_RANGE = `
  workspace_id = $1 and ($2::bigint is null or occurred_ms >= $2) and ($3::bigint is null or occurred_ms < $3)
  and ($4::bigint is null or agent_id = $4)`;

/**
 * Token usage from the ledger: each report once, bucketed by when it happened. Every method takes the caller's
 * workspace. Each answer is one statement, so its parts agree with each other.
 */
export class TokenUsageQueries {
  constructor(private readonly sql: SqlReader) {}

  /**
   * One statement: ids and checkpoint are of the same snapshot. An id that is not among the claims was not reported at
   * or before the checkpoint; what came after it must be looked up in the log.
   */
  async claims(ids: readonly string[]): Promise<Claims> {
    const rows = await this.sql.query<ClaimRecord>(
      `select p.commit_position, p.prepare_position, u.id, u.content_digest, u.shard, u.revision
         from projection_progress p
         left join token_usage u on u.id = any($1::uuid[])
        where p.projection = 'token-usage'`,
      [ids],
    );
    const [first] = rows;
    if (first === undefined) throw new Error('projection token-usage has no checkpoint: the schema is not migrated');
    return {
      checkpoint: { commit: BigInt(first.commit_position), prepare: BigInt(first.prepare_position) },
      claims: rows.filter(isClaim).map((row) => ({
        id: row.id,
        contentDigest: row.content_digest,
        shard: row.shard,
        revision: BigInt(row.revision),
      })),
    };
  }

  /** Newest first by when it happened. */
  async list(workspaceId: number, range: UsageRange, paging: UsagePaging): Promise<UsagePage> {
    const rows = await this.sql.query<Counted>(
      `select t.total, page.*
         from (select count(*) as total from token_usage where ${IN_RANGE}) t
         left join lateral (
           select * from token_usage where ${IN_RANGE} order by occurred_ms desc, id desc limit $5 offset $6
         ) page on true
        order by page.occurred_ms desc, page.id desc`,
      [...rangeValues(workspaceId, range), paging.limit, paging.offset],
    );
    return { rows: rows.filter(isUsage).map(usageOf), total: Number(rows[0]?.total ?? 0) };
  }

  /** Reports by id, e.g. to answer a repeated call with the first record. */
  async byIds(workspaceId: number, ids: readonly string[]): Promise<readonly UsageRow[]> {
    const rows = await this.sql.query<UsageRecord>(
      'select * from token_usage where workspace_id = $1 and id = any($2::uuid[])',
      [workspaceId, ids],
    );
    return rows.map(usageOf);
  }

  async stats(workspaceId: number, range: UsageRange): Promise<UsageStats> {
    const rows = isUnlimited(range) ? await this.totals(workspaceId) : await this.sums(workspaceId, range);
    return {
      summary: rows.filter((row) => row.kind === 'all').map(sumsOf)[0] ?? NOTHING,
      models: named(rows, 'model'),
      sessions: named(rows, 'session'),
      agents: named(rows, 'agent'),
    };
  }

  /** Per agent: sums, models, sessions, days in `zone` (an IANA name). */
  async agentCosts(workspaceId: number, range: UsageRange, zone = 'UTC'): Promise<ReadonlyMap<string, AgentUsage>> {
    const rows = await this.sql.query<AgentGroupRecord>(
      `select agent_name, model, session_id, to_char(day, 'YYYY-MM-DD') as date,
              case when grouping(model) = 0 then 'model' when grouping(session_id) = 0 then 'session'
                   when grouping(day) = 0 then 'day' else 'agent' end as kind,
              max(occurred_ms) as last_active, ${SUMS}
         from (select *, (occurred_at at time zone $5)::date as day from token_usage where ${IN_RANGE}) u
        group by grouping sets ((agent_name), (agent_name, model), (agent_name, session_id), (agent_name, day))
        order by agent_name, kind, model, session_id, day`,
      [...rangeValues(workspaceId, range), zone],
    );
    const agents = new Map<string, AgentUsage>();
    for (const [name, group] of groupedByAgent(rows)) {
      const total = group.find((row) => row.kind === 'agent');
      if (total === undefined) continue;
      agents.set(name, {
        stats: sumsOf(total),
        models: new Map(group.filter(isKind('model')).map((row) => [row.model ?? '', sumsOf(row)])),
        sessions: group.filter(isKind('session')).map((row) => row.session_id ?? ''),
        timeline: group.filter(isKind('day')).map((row) => ({ date: row.date ?? '', sums: sumsOf(row) })),
        lastActive: Number(total.last_active),
      });
    }
    return agents;
  }

  private sums(workspaceId: number, range: UsageRange): Promise<SumRecord[]> {
    return this.sql.query<SumRecord>(
      `select case when grouping(model) = 0 then 'model' when grouping(session_id) = 0 then 'session'
                   when grouping(agent_name) = 0 then 'agent' else 'all' end as kind,
              coalesce(model, session_id, agent_name) as name, ${SUMS}
         from token_usage where ${IN_RANGE}
        group by grouping sets ((), (model), (session_id), (agent_name))
        order by kind, name`,
      [...rangeValues(workspaceId, range)],
    );
  }

  /** The same as `sums` without a range, from the totals. */
  private totals(workspaceId: number): Promise<SumRecord[]> {
    const columns = 'requests, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens';
    return this.sql.query<SumRecord>(
      `select 'model' as kind, model as name, ${columns} from token_totals_by_model where workspace_id = $1
       union all
       select 'session', session_id, ${columns} from token_totals_by_session where workspace_id = $1
       union all
       select 'agent', agent_name, ${columns} from token_totals_by_agent where workspace_id = $1
       union all
       select 'all', null, coalesce(sum(requests), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
              coalesce(sum(cache_read_tokens), 0), coalesce(sum(cache_write_tokens), 0)
         from token_totals_by_model where workspace_id = $1
       order by kind, name`,
      [workspaceId],
    );
  }
}

interface Counted {
  readonly total: string;
}

interface ClaimRecord {
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly id: string | null;
  readonly content_digest: string | null;
  readonly shard: number | null;
  readonly revision: string | null;
}

interface SumRecord {
  readonly kind: string;
  readonly name: string | null;
  readonly requests: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
}

interface AgentGroupRecord extends Omit<SumRecord, 'name'> {
  readonly agent_name: string;
  readonly model: string | null;
  readonly session_id: string | null;
  readonly date: string | null;
  readonly last_active: string;
}

interface UsageRecord {
  readonly id: string;
  readonly event_id: string;
  readonly workspace_id: number;
  readonly recorded_at: Date;
  readonly occurred_ms: string;
  readonly agent_name: string;
  readonly agent_id: string | null;
  readonly model: string;
  readonly session_id: string;
  readonly operation: string;
  readonly task_id: string | null;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cache_read_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_1h_tokens: string | null;
  readonly reasoning_tokens: string | null;
  readonly provider: string | null;
  readonly service_class: string | null;
  readonly duration_ms: string | null;
  readonly reported_cost_usd: string | null;
}

const NOTHING: UsageSums = {
  requests: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  cacheReadTokens: 0n,
  cacheWriteTokens: 0n,
};

type Sums = Pick<SumRecord, 'requests' | 'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_write_tokens'>;

function sumsOf(row: Sums): UsageSums {
  return {
    requests: BigInt(row.requests),
    inputTokens: BigInt(row.input_tokens),
    outputTokens: BigInt(row.output_tokens),
    cacheReadTokens: BigInt(row.cache_read_tokens),
    cacheWriteTokens: BigInt(row.cache_write_tokens),
  };
}

function named(rows: readonly SumRecord[], kind: string): NamedSums {
  return new Map(rows.filter((row) => row.kind === kind).map((row) => [row.name ?? '', sumsOf(row)]));
}

function groupedByAgent(rows: readonly AgentGroupRecord[]): ReadonlyMap<string, readonly AgentGroupRecord[]> {
  const groups = new Map<string, AgentGroupRecord[]>();
  for (const row of rows) {
    const group = groups.get(row.agent_name);
    if (group === undefined) groups.set(row.agent_name, [row]);
    else group.push(row);
  }
  return groups;
}

const isKind = (kind: string) => (row: AgentGroupRecord) => row.kind === kind;
const isClaim = (row: ClaimRecord): row is { [K in keyof ClaimRecord]: NonNullable<ClaimRecord[K]> } => row.id !== null;
// An empty page is one row that holds only the total.
const isUsage = (row: Counted): row is Counted & UsageRecord => 'id' in row && row.id !== null;
const isUnlimited = (range: UsageRange): boolean =>
  range.from === undefined && range.until === undefined && range.agentId === undefined;

function rangeValues(workspaceId: number, range: UsageRange): readonly unknown[] {
  return [workspaceId, range.from ?? null, range.until ?? null, range.agentId ?? null];
}

/** A count of one report is at most 2^53-1, so a number holds it. */
function count(text: string): number {
  return Number(text);
}

function countOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}

function usageOf(row: UsageRecord): UsageRow {
  return {
    id: row.id,
    eventId: row.event_id,
    workspaceId: row.workspace_id,
    model: row.model,
    sessionId: row.session_id,
    agentName: row.agent_name,
    agentId: countOrNull(row.agent_id),
    operation: row.operation,
    taskId: countOrNull(row.task_id),
    timestamp: count(row.occurred_ms),
    recordedAt: row.recorded_at,
    inputTokens: count(row.input_tokens),
    outputTokens: count(row.output_tokens),
    cacheReadTokens: count(row.cache_read_tokens),
    cacheWriteTokens: count(row.cache_write_tokens),
    cacheWrite1hTokens: countOrNull(row.cache_write_1h_tokens),
    reasoningTokens: countOrNull(row.reasoning_tokens),
    provider: row.provider,
    serviceClass: row.service_class,
    durationMs: countOrNull(row.duration_ms),
    reportedCostUsd: row.reported_cost_usd,
  };
}
