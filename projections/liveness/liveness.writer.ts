import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import {
  advance,
  type BeatPeriod,
  type Liveness,
  type LivenessChanges,
  type PeriodChanges,
  unknownAgent,
} from './liveness.fold.js';

/**
 * The digest chain and the running period need the row as it stands. The checkpoint has moved before, so nobody else
 * writes these rows until this transaction ends, and reading the touched ones is one statement a batch.
 */
export async function writeLiveness(
  transaction: SqlTransaction,
  changes: LivenessChanges,
  version: number,
): Promise<void> {
  const ids = [...changes.keys()].sort((a, b) => a - b);
  if (ids.length === 0) return;
  const stored = await load(transaction, ids, version);
  const periods: PeriodChanges = { over: [], summarised: new Map() };

  const rows: Liveness[] = [];
  for (const id of ids) {
    const events = changes.get(id) ?? [];
    const [first] = events;
    if (first === undefined) continue;
    const row = stored.get(id) ?? unknownAgent(id, first.metadata.workspaceId);
    for (const event of events) advance(row, event, periods);
    rows.push(row);
  }

  await upsert(
    transaction,
    rows.filter((row) => !row.retired),
    version,
  );
  await remove(
    transaction,
    rows.filter((row) => row.retired),
    version,
  );
  // In this order: a period that ended after a summary in the same batch stays.
  await dropSummarised(transaction, periods.summarised, version);
  await addPeriods(transaction, periods.over, version);
}

interface LivenessRecord {
  readonly agent_id: string;
  readonly workspace_id: number;
  readonly status: string;
  readonly has_beaten: boolean;
  readonly connection_id: string | null;
  readonly epoch: number;
  readonly last_seen: Date | null;
  readonly last_activity: string | null;
  readonly last_activity_at: Date | null;
  readonly last_beat_at: Date | null;
  readonly period_from: Date | null;
  readonly period_to: Date | null;
  readonly beat_count: number;
  readonly largest_gap_ms: string;
  readonly digest: string;
}

async function load(
  transaction: SqlTransaction,
  ids: readonly number[],
  v: number,
): Promise<ReadonlyMap<number, Liveness>> {
  const rows = await transaction.run<LivenessRecord>({
    name: `liveness_load_v${v}`,
    text: `
      select agent_id, workspace_id, status, has_beaten, connection_id, epoch, last_seen, last_activity,
             last_activity_at, last_beat_at, period_from, period_to, beat_count, largest_gap_ms, digest
        from liveness_v${v} where agent_id = any($1::bigint[])`,
    values: [plainArray(ids)],
  });
  return new Map(rows.map((row) => [Number(row.agent_id), livenessOf(row)]));
}

function livenessOf(row: LivenessRecord): Liveness {
  return {
    agentId: Number(row.agent_id),
    workspaceId: row.workspace_id,
    status: row.status,
    hasBeaten: row.has_beaten,
    connectionId: row.connection_id,
    epoch: row.epoch,
    lastSeen: isoOf(row.last_seen),
    lastActivity: row.last_activity,
    lastActivityAt: isoOf(row.last_activity_at),
    lastBeatAt: isoOf(row.last_beat_at),
    periodFrom: isoOf(row.period_from),
    periodTo: isoOf(row.period_to),
    count: row.beat_count,
    largestGapMs: Number(row.largest_gap_ms),
    digest: row.digest,
    renewed: false,
    retired: false,
  };
}

function isoOf(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}

async function upsert(transaction: SqlTransaction, rows: readonly Liveness[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `liveness_upsert_v${v}`,
    text: `
      insert into liveness_v${v} as l (
        agent_id, workspace_id, status, has_beaten, connection_id, epoch, last_seen, last_activity, last_activity_at,
        last_beat_at, period_from, period_to, beat_count, largest_gap_ms, digest, renewed_at)
      select u.agent_id, u.workspace_id, u.status, u.has_beaten, u.connection_id, u.epoch, u.last_seen,
             u.last_activity, u.last_activity_at, u.last_beat_at, u.period_from, u.period_to, u.beat_count,
             u.largest_gap_ms, u.digest, clock_timestamp()
        from unnest(
          $1::bigint[], $2::integer[], $3::text[], $4::boolean[], $5::uuid[], $6::integer[], $7::timestamptz[],
          $8::text[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::integer[],
          $14::bigint[], $15::text[])
          as u (agent_id, workspace_id, status, has_beaten, connection_id, epoch, last_seen, last_activity,
                last_activity_at, last_beat_at, period_from, period_to, beat_count, largest_gap_ms, digest)
      on conflict (agent_id) do update
         set status = excluded.status,
             has_beaten = excluded.has_beaten,
             connection_id = excluded.connection_id,
             epoch = excluded.epoch,
             last_seen = excluded.last_seen,
             last_activity = excluded.last_activity,
             last_activity_at = excluded.last_activity_at,
             last_beat_at = excluded.last_beat_at,
             period_from = excluded.period_from,
             period_to = excluded.period_to,
             beat_count = excluded.beat_count,
             largest_gap_ms = excluded.largest_gap_ms,
             digest = excluded.digest,
             renewed_at = case when excluded.agent_id = any($16::bigint[]) then excluded.renewed_at
                               else l.renewed_at end`,
    values: [
      plainArray(rows.map((row) => row.agentId)),
      plainArray(rows.map((row) => row.workspaceId)),
      textArray(rows.map((row) => row.status)),
      plainArray(rows.map((row) => row.hasBeaten)),
      plainArray(rows.map((row) => row.connectionId)),
      plainArray(rows.map((row) => row.epoch)),
      textArray(rows.map((row) => row.lastSeen)),
      textArray(rows.map((row) => row.lastActivity)),
      textArray(rows.map((row) => row.lastActivityAt)),
      textArray(rows.map((row) => row.lastBeatAt)),
      textArray(rows.map((row) => row.periodFrom)),
      textArray(rows.map((row) => row.periodTo)),
      plainArray(rows.map((row) => row.count)),
      plainArray(rows.map((row) => row.largestGapMs)),
      textArray(rows.map((row) => row.digest)),
      plainArray(rows.filter((row) => row.renewed).map((row) => row.agentId)),
    ],
  });
}

async function remove(transaction: SqlTransaction, rows: readonly Liveness[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `liveness_remove_v${v}`,
    text: `delete from liveness_v${v} where agent_id = any($1::bigint[])`,
    values: [plainArray(rows.map((row) => row.agentId))],
  });
}

async function addPeriods(transaction: SqlTransaction, periods: readonly BeatPeriod[], v: number): Promise<void> {
  if (periods.length === 0) return;
  await transaction.run({
    name: `liveness_periods_add_v${v}`,
    text: `
      insert into liveness_periods_v${v} (
        connection_id, from_at, to_at, agent_id, workspace_id, beat_count, largest_gap_ms, digest, final)
      select * from unnest(
        $1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::integer[], $6::integer[], $7::bigint[],
        $8::text[], $9::boolean[])
      on conflict do nothing`,
    values: [
      plainArray(periods.map((period) => period.connectionId)),
      textArray(periods.map((period) => period.from)),
      textArray(periods.map((period) => period.to)),
      plainArray(periods.map((period) => period.agentId)),
      plainArray(periods.map((period) => period.workspaceId)),
      plainArray(periods.map((period) => period.count)),
      plainArray(periods.map((period) => period.largestGapMs)),
      textArray(periods.map((period) => period.digest)),
      plainArray(periods.map((period) => period.final)),
    ],
  });
}

async function dropSummarised(
  transaction: SqlTransaction,
  summarised: ReadonlyMap<string, string>,
  v: number,
): Promise<void> {
  if (summarised.size === 0) return;
  await transaction.run({
    name: `liveness_periods_drop_v${v}`,
    text: `
      delete from liveness_periods_v${v} p
       using unnest($1::uuid[], $2::timestamptz[]) as u (connection_id, to_at)
       where p.connection_id = u.connection_id and p.to_at <= u.to_at`,
    values: [plainArray([...summarised.keys()]), textArray([...summarised.values()])],
  });
}
