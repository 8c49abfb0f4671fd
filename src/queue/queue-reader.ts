import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  TaskCandidateQueries,
  type CandidatePlace,
  type CandidateRow,
} from '../../projections/tasks/task-candidates.queries.js';
import { TaskLeaseQueries, type HeldRow } from '../../projections/tasks/task-leases.queries.js';
import { GroupCommit } from '../platform/group-commit/group-commit.js';
import { unavailable } from '../platform/http/errors.js';
import type { Intended } from './candidate-order.js';
import type { Recipient } from '../tasks/tasks.events.js';

/** More than the polls that two busy processes have under way: what they are at is still in the page. */
export const CANDIDATES_A_PAGE = 200;
/** Far beyond every capacity: of an agent with more in progress the latest are enough to know that it has no room. */
export const MAX_HELD = 200;

interface Asker {
  readonly workspaceId: number;
  readonly agent: Recipient;
}

interface AskerForFree extends Asker {
  readonly intended: readonly Intended[];
}

/**
 * What polls read. Polls that come side by side share one statement: it begins after each of them has asked, so each
 * sees everything that was shown before.
 */
@Injectable()
export class QueueReader implements OnApplicationShutdown {
  private readonly firstPages: GroupCommit<Asker, readonly CandidateRow[]>;
  private readonly freePages: GroupCommit<AskerForFree, readonly CandidateRow[]>;
  private readonly heldRows: GroupCommit<Asker, readonly HeldRow[]>;

  constructor(
    private readonly candidateQueries: TaskCandidateQueries,
    leases: TaskLeaseQueries,
  ) {
    this.firstPages = grouped((askers) => candidateQueries.first(askers, CANDIDATES_A_PAGE, []));
    // The last one to ask knows all that the others knew.
    this.freePages = grouped((askers) =>
      candidateQueries.first(askers, CANDIDATES_A_PAGE, askers.at(-1)?.intended ?? []),
    );
    this.heldRows = grouped((askers) => leases.held(askers, MAX_HELD));
  }

  /** What this agent may take, the most urgent first; a page of {@link CANDIDATES_A_PAGE}. */
  candidates(workspaceId: number, agent: Recipient, after?: CandidatePlace): Promise<readonly CandidateRow[]> {
    if (after === undefined) return this.firstPages.add({ workspaceId, agent });
    return this.candidateQueries.after(workspaceId, agent, after, CANDIDATES_A_PAGE);
  }

  /** The first page of {@link candidates} without what others were about to take a moment ago. */
  free(workspaceId: number, agent: Recipient, intended: readonly Intended[]): Promise<readonly CandidateRow[]> {
    return this.freePages.add({ workspaceId, agent, intended });
  }

  /** What this agent has in progress, last updated first; at most {@link MAX_HELD}. */
  held(workspaceId: number, agent: Recipient): Promise<readonly HeldRow[]> {
    return this.heldRows.add({ workspaceId, agent });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.firstPages.idle(), this.freePages.idle(), this.heldRows.idle()]);
  }
}

function grouped<A extends Asker, Rows>(
  read: (askers: readonly A[]) => Promise<readonly Rows[]>,
): GroupCommit<A, Rows> {
  return new GroupCommit(
    async (askers) => (await read(askers)).map((value) => ({ status: 'fulfilled' as const, value })),
    { maxItems: 100, maxWaiting: 10_000, overload: () => unavailable('Too many polls are waiting') },
  );
}
