import type { Recipient } from '../../src/tasks/tasks.events.js';
import type { SqlReader } from '../engine/sql.js';

/** A task that the queue may hand out, as far as the read model knows. */
export interface CandidateRow {
  readonly taskId: number;
  /** Of the task's stream, that the row has reached. */
  readonly revision: bigint;
  /** Where it stands in the order; the next page begins after it. */
  readonly place: CandidatePlace;
}

export interface CandidatePlace {
  /** 0 is the most urgent. */
  readonly priorityRank: number;
  readonly due: string;
  readonly createdAt: Date;
  readonly taskId: number;
}

/** Who asks for candidates, one of several. */
export interface CandidateAsker {
  readonly workspaceId: number;
  readonly agent: Recipient;
}

// No due date comes after every due date.
const DUE = 'coalesce(due_date, 9000000000000)';
const PLACE = `priority_rank, ${DUE}, created_at, task_id`;
/** What the indexes of candidates hold. */
export const IS_CANDIDATE = "deleted_at is null and status in ('inbox', 'assigned')";
const SELECTED = `workspace_id, task_id, revision, priority_rank, ${DUE} as due, created_at`;
const SIDES = [
  'assigned_to is null',
  'assigned_agent_id = $2::bigint',
  'assigned_agent_id is null and assigned_to = $3',
];

/** One index for each side of {@link TaskCandidateQueries}, in exactly the order of the queue. */
export const candidateIndexes = (v: number): string => `
    create index if not exists tasks_v${v}_queue on tasks_v${v} (workspace_id, ${PLACE})
      where ${IS_CANDIDATE} and assigned_to is null;
    create index if not exists tasks_v${v}_queue_own on tasks_v${v} (workspace_id, assigned_agent_id, ${PLACE})
      where ${IS_CANDIDATE} and assigned_agent_id is not null;
    create index if not exists tasks_v${v}_queue_named on tasks_v${v} (workspace_id, assigned_to, ${PLACE})
      where ${IS_CANDIDATE} and assigned_agent_id is null and assigned_to is not null;`;

export class TaskCandidateQueries {
  constructor(private readonly sql: SqlReader) {}

  /**
   * The first page of {@link after} for each of these agents in one statement: nobody's tasks are read once for all.
   * Left out are those of `without` that are still shown as they were at that revision.
   */
  async first(
    askers: readonly CandidateAsker[],
    limit: number,
    without: readonly Pick<CandidateRow, 'taskId' | 'revision'>[],
  ): Promise<readonly (readonly CandidateRow[])[]> {
    const side = (condition: string): string => `
      (select ${SELECTED} from tasks
        where workspace_id = a.workspace_id and ${IS_CANDIDATE} and ${condition} 
          and (task_id, revision) not in (select * from unnest($5::bigint[], $6::bigint[]))
        order by ${PLACE} limit $4)`;
    const rows = await this.sql.query<CandidateRecord & { readonly asker: string }>(
      `select 0 as asker, c.*
         from (select distinct workspace_id from unnest($1::integer[]) as w (workspace_id)) a
         cross join lateral ${side('assigned_to is null')} c
       union all
       select a.asker, c.*
         from unnest($1::integer[], $2::bigint[], $3::text[])
              with ordinality as a (workspace_id, agent_id, agent_name, asker)
         cross join lateral (
           ${side('assigned_agent_id = a.agent_id')}
           union all
           ${side('assigned_agent_id is null and assigned_to = a.agent_name')}
         ) c`,
      [
        askers.map(({ workspaceId }) => workspaceId),
        askers.map(({ agent }) => agent.agentId),
        askers.map(({ agent }) => agent.name),
        limit,
        without.map(({ taskId }) => taskId),
        without.map(({ revision }) => revision),
      ],
    );
    const nobodys = new Map(askers.map(({ workspaceId }) => [workspaceId, [] as CandidateRow[]]));
    const own = askers.map((): CandidateRow[] => []);
    for (const row of rows) {
      const asker = Number(row.asker);
      (asker === 0 ? nobodys.get(row.workspace_id) : own[asker - 1])?.push(candidateOf(row));
    }
    for (const list of nobodys.values()) list.sort(byPlace);
    return askers.map(({ workspaceId }, index) => {
      const shared = nobodys.get(workspaceId) ?? [];
      const mine = own[index] ?? [];
      return mine.length === 0 ? shared : [...mine, ...shared].toSorted(byPlace).slice(0, limit);
    });
  }

  /** What this agent may take after a place, the most urgent first: priority, due date (none last), age, id. */
  async after(
    workspaceId: number,
    agent: Recipient,
    place: CandidatePlace,
    limit: number,
  ): Promise<readonly CandidateRow[]> {
    const side = (condition: string): string => `
      (select ${SELECTED} from tasks
        where workspace_id = $1 and ${IS_CANDIDATE} and ${condition}
          and (${PLACE}) > ($5::smallint, $6::bigint, $7::timestamptz, $8::bigint)
        order by ${PLACE} limit $4)`;
    const rows = await this.sql.query<CandidateRecord>(
      `select * from (${SIDES.map(side).join(' union all ')}) c
        order by priority_rank, due, created_at, task_id limit $4`,
      [workspaceId, agent.agentId, agent.name, limit, place.priorityRank, place.due, place.createdAt, place.taskId],
    );
    return rows.map(candidateOf);
  }
}

interface CandidateRecord {
  readonly workspace_id: number;
  readonly task_id: string;
  readonly revision: string;
  readonly priority_rank: number;
  readonly due: string;
  readonly created_at: Date;
}

function byPlace({ place: a }: CandidateRow, { place: b }: CandidateRow): number {
  return (
    a.priorityRank - b.priorityRank ||
    Number(a.due) - Number(b.due) ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    a.taskId - b.taskId
  );
}

function candidateOf({ task_id, revision, priority_rank, due, created_at }: CandidateRecord): CandidateRow {
  const taskId = Number(task_id);
  return {
    taskId,
    revision: BigInt(revision),
    place: { priorityRank: priority_rank, due, createdAt: created_at, taskId },
  };
}
