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

// No due date comes after every due date.
const DUE = 'coalesce(due_date, 9000000000000)';
const PLACE = `priority_rank, ${DUE}, created_at, task_id`;
const IS_CANDIDATE = "deleted_at is null and status in ('inbox', 'assigned')";
const SIDES = [
  'assigned_to is null',
  'assigned_agent_id = $2::bigint',
  'assigned_agent_id is null and assigned_to = $3',
];

/** Work that is not to be handed out now. */
export interface ClosedWork {
  readonly projectIds: readonly number[];
  readonly taskIds: readonly number[];
}

const NOTHING_CLOSED: ClosedWork = { projectIds: [], taskIds: [] };

/** One index for each side of {@link TaskCandidateQueries.candidates}, in exactly the order of the queue. */
export const candidateIndexes = (v: number): string => `
    create index if not exists tasks_v${v}_queue on tasks_v${v} (workspace_id, ${PLACE})
      where ${IS_CANDIDATE} and assigned_to is null;
    create index if not exists tasks_v${v}_queue_own on tasks_v${v} (workspace_id, assigned_agent_id, ${PLACE})
      where ${IS_CANDIDATE} and assigned_agent_id is not null;
    create index if not exists tasks_v${v}_queue_named on tasks_v${v} (workspace_id, assigned_to, ${PLACE})
      where ${IS_CANDIDATE} and assigned_agent_id is null and assigned_to is not null;`;

export class TaskCandidateQueries {
  constructor(private readonly sql: SqlReader) {}

  /** What this agent may take, the most urgent first: priority, due date (none last), age, id. */
  async candidates(
    workspaceId: number,
    agent: Recipient,
    limit: number,
    after?: CandidatePlace,
    closed: ClosedWork = NOTHING_CLOSED,
  ): Promise<readonly CandidateRow[]> {
    const from = after === undefined ? '' : `and (${PLACE}) > ($7::smallint, $8::bigint, $9::timestamptz, $10::bigint)`;
    const side = (condition: string): string => `
      (select task_id, revision, priority_rank, ${DUE} as due, created_at from tasks
        where workspace_id = $1 and ${IS_CANDIDATE} and ${condition} ${from}
          and project_id <> all($5::bigint[]) and task_id <> all($6::bigint[])
        order by ${PLACE} limit $4)`;
    const place = after === undefined ? [] : [after.priorityRank, after.due, after.createdAt, after.taskId];
    const rows = await this.sql.query<CandidateRecord>(
      `select * from (${SIDES.map(side).join(' union all ')}) c
        order by priority_rank, due, created_at, task_id limit $4`,
      [workspaceId, agent.agentId, agent.name, limit, closed.projectIds, closed.taskIds, ...place],
    );
    return rows.map(candidateOf);
  }
}

interface CandidateRecord {
  readonly task_id: string;
  readonly revision: string;
  readonly priority_rank: number;
  readonly due: string;
  readonly created_at: Date;
}

function candidateOf({ task_id, revision, priority_rank, due, created_at }: CandidateRecord): CandidateRow {
  const taskId = Number(task_id);
  return {
    taskId,
    revision: BigInt(revision),
    place: { priorityRank: priority_rank, due, createdAt: created_at, taskId },
  };
}
