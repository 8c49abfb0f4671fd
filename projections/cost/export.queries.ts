import type { UsageScope } from './cost.queries.js';
import { type UsageRecord, usageOf, type UsageRow } from './usage-row.js';

/** Reads all rows of a statement in pages, within one snapshot. */
export interface PageReader {
  pages<Row extends object>(text: string, values: readonly unknown[], size: number): AsyncIterable<readonly Row[]>;
}

const PAGE = 1_000;

/** Every report of a scope that counts, oldest first by when it happened. */
export async function* exportedUsage(
  reader: PageReader,
  { workspaceId, range, agentId }: UsageScope,
): AsyncGenerator<readonly UsageRow[], void, undefined> {
  const pages = reader.pages<UsageRecord>(
    `select * from usage_event
      where workspace_id = $1 and ($2::bigint is null or occurred_ms >= $2) and ($3::bigint is null or occurred_ms < $3)
        and ($4::bigint is null or agent_id = $4)
      order by occurred_ms, id`,
    [workspaceId, range.from ?? null, range.until ?? null, agentId ?? null],
    PAGE,
  );
  for await (const page of pages) yield page.map(usageOf);
}
