import type { SqlReader } from '../engine/sql.js';
import { IS_CANDIDATE } from './task-candidates.queries.js';
import { IS_HELD } from './task-leases.queries.js';

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

  /**
   * Some of those that wait for, or are in the hands of, an agent that is gone for good; at most `limit`. Asked for all the
   * time, so it looks into two small indexes for each deleted agent and never through all tasks.
   */
  async orphaned(limit: number): Promise<readonly OrphanedTask[]> {
    const open = (condition: string): string => `
      select task_id, workspace_id, revision, assigned_to, status from tasks
       where workspace_id = a.workspace_id and assigned_agent_id = a.agent_id and ${condition}`;
    const rows = await this.sql.query<OrphanRecord>(
      `select t.*
         from agents a cross join lateral (${open(IS_CANDIDATE)} union all ${open(IS_HELD)}) t
        where a.retired_at is not null
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
