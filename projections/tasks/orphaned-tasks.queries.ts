import type { SqlReader } from '../engine/sql.js';

/** An open task of an agent that was deleted. */
export interface OrphanedTask {
  readonly taskId: number;
  readonly workspaceId: number;
  /** Of the task's stream, that the row has reached. */
  readonly revision: bigint;
  readonly assignedTo: string;
  readonly isInProgress: boolean;
}

export class OrphanedTaskQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Some of those that wait for, or are in the hands of, an agent that is gone for good; at most `limit`. */
  async orphaned(limit: number): Promise<readonly OrphanedTask[]> {
    const rows = await this.sql.query<OrphanRecord>(
      `select t.task_id, t.workspace_id, t.revision, t.assigned_to, t.status
         from tasks t
         join agents a on a.agent_id = t.assigned_agent_id and a.retired_at is not null
        where t.deleted_at is null and t.status in ('inbox', 'assigned', 'in_progress')
        limit $1`,
      [limit],
    );
    return rows.map((row) => ({
      taskId: Number(row.task_id),
      workspaceId: row.workspace_id,
      revision: BigInt(row.revision),
      assignedTo: row.assigned_to,
      isInProgress: row.status === 'in_progress',
    }));
  }
}

interface OrphanRecord {
  readonly task_id: string;
  readonly workspace_id: number;
  readonly revision: string;
  readonly assigned_to: string;
  readonly status: string;
}
