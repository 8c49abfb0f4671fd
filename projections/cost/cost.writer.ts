import type { TokenUsageVoided } from '../../src/tokens/tokens.events.js';
import { textArray, plainArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { CostChanges, UsageState } from './cost.fold.js';
import { currentBook, reviseBook, type CurrentBook } from './price-book.js';
import {
  amendedColumns,
  arraysOf,
  idColumn,
  priceColumns,
  type PricedState,
  unnested,
  usageColumns,
} from './priced-usage.js';
import { addToRollups, deltaColumns, moveInRollups } from './rollup-sql.js';

/** Revisions first: everything of the batch is priced by the newest book. */
export async function writeCost(transaction: SqlTransaction, changes: CostChanges, v: number): Promise<void> {
  for (const revision of changes.revisions) await reviseBook(transaction, v, revision);
  if (changes.reports.length > 0 || changes.corrections.length > 0) {
    const book = await currentBook(transaction, v);
    if (changes.reports.length > 0) await addReports(transaction, v, priced(changes.reports, book));
    if (changes.corrections.length > 0) await correct(transaction, v, priced(changes.corrections, book));
  }
  if (changes.voids.length > 0) await voidReports(transaction, v, changes.voids);
}

function priced(states: readonly UsageState[], book: CurrentBook): readonly PricedState[] {
  return states.map((state) => ({ state, price: priceColumns(book, state.facts), bookVersion: book.version }));
}

/** Rows and sums in one statement: the sums are fed only from rows that it really inserted. */
async function addReports(transaction: SqlTransaction, v: number, rows: readonly PricedState[]): Promise<void> {
  const names = usageColumns.map(({ name }) => name);
  await transaction.run({
    name: `cost_add_reports_v${v}`,
    text: `
      with inserted as (
        insert into usage_event_v${v} (${names.join(', ')}, occurred_at)
        select ${names.map((name) => `u.${name}`).join(', ')},
               timestamptz 'epoch'
                 + least(greatest(u.occurred_ms, -62135596800000), 253402300799999) * interval '1 millisecond'
          from ${unnested(usageColumns)}
         where not exists (select 1 from usage_void_v${v} x where x.id = u.id)
        on conflict (id) do nothing
        returning *
      ),
      d as materialized (select ${deltaColumns('1', 'i')} from inserted i),
      spans as (${spanSessions(v, 'inserted i')}),
      ${addToRollups(v)}
      select count(*) from inserted`,
    values: arraysOf(usageColumns, rows),
  });
}

/** Brings the spans of sessions up to what a relation of reports `i` says; it never makes one shorter. */
export function spanSessions(v: number, reports: string): string {
  return `
    insert into session_span_v${v} as t (workspace_id, session_id, agent_name, agent_id, first_ms, last_ms)
    select i.workspace_id, i.session_id, min(i.agent_name), coalesce(i.agent_id, 0), min(i.occurred_ms),
           max(i.occurred_ms)
      from ${reports} group by 1, 2, 4 order by 1, 2, 4
    on conflict (workspace_id, session_id, agent_id) do update
       set first_ms = least(t.first_ms, excluded.first_ms), last_ms = greatest(t.last_ms, excluded.last_ms)
     where excluded.first_ms < t.first_ms or excluded.last_ms > t.last_ms`;
}

/** For rows of earlier batches. A row that already holds this correction stays as it is. */
async function correct(transaction: SqlTransaction, v: number, rows: readonly PricedState[]): Promise<void> {
  await transaction.run({
    name: `cost_correct_v${v}`,
    text: `
      with before as materialized (
        select t.*
          from usage_event_v${v} t
          join ${unnested([idColumn, ...amendedColumns])} on t.id = u.id
         where t.amended_position is null or t.amended_position < u.amended_position
      ),
      changed as (
        update usage_event_v${v} t
           set ${amendedColumns.map(({ name }) => `${name} = u.${name}`).join(', ')}
          from before b, ${unnested([idColumn, ...amendedColumns])}
         where t.id = b.id and u.id = b.id
        returning t.*
      ),
      d as materialized (
        select ${deltaColumns('-1', 'b')} from before b union all select ${deltaColumns('1', 'c')} from changed c
      ),
      ${moveInRollups(v)}
      select count(*) from changed`,
    values: arraysOf([idColumn, ...amendedColumns], rows),
  });
}

async function voidReports(
  transaction: SqlTransaction,
  v: number,
  voids: readonly Stored<TokenUsageVoided>[],
): Promise<void> {
  const gone = await transaction.run<SessionOf>({
    name: `cost_void_v${v}`,
    text: `
      with u as materialized (
        select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
                   as u (id, workspace_id, event_id, reason, actor, voided_at, position)
      ),
      noted as (insert into usage_void_v${v} select * from u on conflict (id) do nothing),
      gone as (delete from usage_event_v${v} t using u where t.id = u.id returning t.*),
      d as materialized (select ${deltaColumns('-1', 'g')} from gone g),
      ${moveInRollups(v)}
      select session_id, workspace_id from gone`,
    values: [
      plainArray(voids.map(({ data }) => data.id)),
      plainArray(voids.map(({ metadata }) => metadata.workspaceId)),
      textArray(voids.map(({ data }) => data.eventId)),
      textArray(voids.map(({ data }) => data.reason)),
      textArray(voids.map(({ metadata }) => metadata.actor.name)),
      textArray(voids.map(({ metadata }) => metadata.recordedAt)),
      plainArray(voids.map(({ position }) => position.commit)),
    ],
  });
  if (gone.length > 0) await spanAnew(transaction, v, gone);
}

interface SessionOf {
  readonly workspace_id: number;
  readonly session_id: string;
}

/** A span cannot be made shorter by what is gone: it is taken again from the reports that are left. */
async function spanAnew(transaction: SqlTransaction, v: number, sessions: readonly SessionOf[]): Promise<void> {
  const asked = '(select * from unnest($1::integer[], $2::text[])) as s (workspace_id, session_id)';
  const isAsked = (row: string) => `${row}.workspace_id = s.workspace_id and ${row}.session_id = s.session_id`;
  const values = [
    plainArray(sessions.map((session) => session.workspace_id)),
    textArray(sessions.map((session) => session.session_id)),
  ];
  await transaction.run({
    text: `delete from session_span_v${v} t using ${asked} where ${isAsked('t')}`,
    values,
  });
  await transaction.run({
    text: spanSessions(v, `usage_event_v${v} i join (select distinct * from ${asked}) s on ${isAsked('i')}`),
    values,
  });
}
