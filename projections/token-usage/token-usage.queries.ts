import type { Position } from '../../src/platform/event-store/position.js';
import type { SqlReader } from '../engine/sql.js';

export interface Claim {
  readonly id: string;
  readonly contentDigest: string;
  readonly shard: number;
  readonly revision: bigint;
  /** Of the last event about the report: its own, or that of its last correction or void. */
  readonly latestRevision: bigint;
}

/** Which of the asked ids are already in the ledger, and up to where the ledger was complete in the same snapshot. */
export interface Claims {
  readonly checkpoint: Position;
  readonly claims: readonly Claim[];
}

/** The claims of reports. */
export class TokenUsageQueries {
  constructor(private readonly sql: SqlReader) {}

  /**
   * One statement: ids and checkpoint are of the same snapshot. An id that is not among the claims was not reported at
   * or before the checkpoint; what came after it must be looked up in the log.
   */
  async claims(ids: readonly string[]): Promise<Claims> {
    const rows = await this.sql.query<ClaimRecord>(
      `select p.commit_position, p.prepare_position, u.id, u.content_digest, u.shard, u.revision, u.latest_revision
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
        latestRevision: BigInt(row.latest_revision),
      })),
    };
  }
}

interface ClaimRecord {
  readonly commit_position: string;
  readonly prepare_position: string;
  readonly id: string | null;
  readonly content_digest: string | null;
  readonly shard: number | null;
  readonly revision: string | null;
  readonly latest_revision: string | null;
}

const isClaim = (row: ClaimRecord): row is { [K in keyof ClaimRecord]: NonNullable<ClaimRecord[K]> } => row.id !== null;
