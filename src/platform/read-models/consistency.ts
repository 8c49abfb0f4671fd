import type { Position } from '../event-store/position.js';

/** Names of the projections that answers may wait for. */
export type ProjectionName =
  | 'agent-status'
  | 'agent-memory'
  | 'liveness'
  | 'token-usage'
  | 'cost'
  | 'budgets'
  | 'tasks'
  | 'notifications'
  | 'activities'
  | 'projects'
  | 'keys'
  | 'callbacks'
  | 'webhooks';

/** Where an answer stands in the log. */
export interface Consistency {
  /** The checkpoint that the read models of the answer have reached. */
  readonly position: Position;
  readonly lagEvents: bigint;
  readonly lagSeconds: number;
}

/**
 * Read-your-writes. Woken by the projector's NOTIFY over one listening connection a process; while anybody waits the
 * checkpoints are polled every 100 ms as a net. Waits for the active version of a projection, never for a rebuild.
 */
export abstract class ReadModelProgress {
  /** True when all of them have passed `position` within `timeoutMs` (default 2,000); false when not. Never throws for a database that is away. */
  abstract waitFor(projections: readonly ProjectionName[], position: Position, timeoutMs?: number): Promise<boolean>;

  /** The lowest checkpoint among them and the lag against the store's own head. */
  abstract consistencyOf(projections: readonly ProjectionName[]): Promise<Consistency>;
}
