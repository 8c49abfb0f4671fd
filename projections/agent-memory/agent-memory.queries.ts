import type { SqlReader } from '../engine/sql.js';

export interface MemoryRow {
  readonly agentId: number;
  readonly content: string;
  /** Of the content in UTF-8. */
  readonly bytes: number;
  readonly updatedAt: Date;
}

/** The working memories of agents; an agent that never wrote anything has no row. */
export class AgentMemoryQueries {
  constructor(private readonly sql: SqlReader) {}

  async of(workspaceId: number, agentIds: readonly number[]): Promise<ReadonlyMap<number, MemoryRow>> {
    const rows = await this.sql.query<MemoryRecord>(
      `select agent_id, content, bytes, updated_at from agent_memory
        where workspace_id = $1 and agent_id = any($2::bigint[])`,
      [workspaceId, agentIds],
    );
    return new Map(
      rows.map(({ agent_id, content, bytes, updated_at }) => {
        const agentId = Number(agent_id);
        return [agentId, { agentId, content, bytes, updatedAt: updated_at }];
      }),
    );
  }
}

interface MemoryRecord {
  readonly agent_id: string;
  readonly content: string;
  readonly bytes: number;
  readonly updated_at: Date;
}
