import type { SqlReader } from '../engine/sql.js';

/** A live secret as lists show it. */
export interface ListedSecret {
  readonly secretId: number;
  readonly createdAt: Date;
  readonly validUntil: Date | null;
  readonly lastUsedAt: Date | null;
  readonly useCount: number;
}

export interface OpenCallback {
  readonly stream: string;
  readonly acceptedAt: Date;
}

export class CallbacksQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Secrets of an agent that sign at `now`, newest first. */
  async secrets(agentId: number, now: Date): Promise<readonly ListedSecret[]> {
    const rows = await this.sql.query<{
      secret_id: number;
      issued_at: Date;
      valid_until: Date | null;
      last_used_at: Date | null;
      use_count: string | null;
    }>(
      `select s.secret_id, s.issued_at, s.valid_until, u.last_used_at, u.use_count
         from callback_secrets s
         left join callback_secret_uses u using (agent_id, secret_id)
        where s.agent_id = $1 and s.ended_at is null and (s.valid_until is null or s.valid_until > $2)
        order by s.secret_id desc`,
      [agentId, now],
    );
    return rows.map((row) => ({
      secretId: row.secret_id,
      createdAt: row.issued_at,
      validUntil: row.valid_until,
      lastUsedAt: row.last_used_at,
      useCount: Number(row.use_count ?? 0),
    }));
  }

  /** Agents of the whole installation that may sign the body alone; two are as good as many. */
  async legacyAgents(): Promise<readonly number[]> {
    const rows = await this.sql.query<{ agent_id: string }>(
      'select agent_id from callback_agents where legacy_allowed limit 2',
    );
    return rows.map((row) => Number(row.agent_id));
  }

  /** Accepted before `before`, and nothing came of it yet; oldest first. */
  async open(before: Date, limit: number): Promise<readonly OpenCallback[]> {
    const rows = await this.sql.query<{ stream: string; accepted_at: Date }>(
      `select stream, accepted_at from callbacks
        where concluded_at is null and accepted_at < $1
        order by accepted_at limit $2`,
      [before, limit],
    );
    return rows.map((row) => ({ stream: row.stream, acceptedAt: row.accepted_at }));
  }
}
