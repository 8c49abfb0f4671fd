import { Injectable } from '@nestjs/common';
import { TokenUsageQueries } from '../../projections/token-usage/token-usage.queries.js';
import type { Position } from '../platform/event-store/position.js';
import { GroupCommit } from '../platform/group-commit/group-commit.js';
import { unavailable } from '../platform/http/errors.js';

export interface StoredClaim {
  readonly contentDigest: string;
  readonly revision: bigint;
  /** Of the last event about the report. */
  readonly latestRevision: bigint;
}

/** The snapshot of all claims up to `checkpoint`, as far as it was asked about. */
export interface ClaimSnapshot {
  readonly checkpoint: Position;
  readonly claims: ReadonlyMap<string, StoredClaim>;
}

/** Looks claims up in the ledger: while one query is under way the next ones gather and share a single statement. */
@Injectable()
export class ClaimLookup {
  private readonly group: GroupCommit<readonly string[], ClaimSnapshot>;

  constructor(private readonly ledger: TokenUsageQueries) {
    this.group = new GroupCommit((asked) => this.query(asked), {
      maxItems: 1_000,
      maxWaiting: 10_000,
      overload: () => unavailable('Too many token reports are waiting'),
    });
  }

  find(ids: readonly string[]): Promise<ClaimSnapshot> {
    return this.group.add(ids);
  }

  private async query(asked: readonly (readonly string[])[]): Promise<readonly PromiseSettledResult<ClaimSnapshot>[]> {
    const { checkpoint, claims } = await this.ledger.claims(asked.flat());
    const byId = new Map(claims.map((claim) => [claim.id, claim]));
    return asked.map(() => ({ status: 'fulfilled', value: { checkpoint, claims: byId } }));
  }
}
