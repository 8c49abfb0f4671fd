import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { AgentMemoryChanges } from './agent-memory.fold.js';

export async function writeAgentMemory(
  transaction: SqlTransaction,
  changes: AgentMemoryChanges,
  v: number,
): Promise<void> {
  const rows = [...changes.values()].sort((a, b) => a.agentId - b.agentId);
  if (rows.length === 0) return;
  await transaction.run({
    name: `agent_memory_write_v${v}`,
    text: `
      merge into agent_memory_v${v} m
      using unnest(
        $1::bigint[], $2::integer[], $3::boolean[], $4::text[], $5::integer[], $6::timestamptz[], $7::bigint[])
        as u (agent_id, workspace_id, is_whole, content, bytes, updated_at, revision)
         on m.agent_id = u.agent_id
       when matched and m.revision < u.revision then
         update set content = case when u.is_whole then u.content else m.content || u.content end,
                    bytes = u.bytes, updated_at = u.updated_at, revision = u.revision
       when not matched then
         insert (agent_id, workspace_id, content, bytes, updated_at, revision)
         values (u.agent_id, u.workspace_id, u.content, u.bytes, u.updated_at, u.revision)`,
    values: [
      plainArray(rows.map((row) => row.agentId)),
      plainArray(rows.map((row) => row.workspaceId)),
      plainArray(rows.map((row) => row.isWhole)),
      textArray(rows.map((row) => row.text)),
      plainArray(rows.map((row) => row.bytes)),
      textArray(rows.map((row) => row.updatedAt)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}
