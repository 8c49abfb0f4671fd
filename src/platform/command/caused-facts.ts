import type { Position } from '../event-store/position.js';
import type { Actor, DomainEvent } from '../event-store/stored-event.js';
import type { ProjectionName } from '../read-models/consistency.js';

/** An event of a command whose consequences the answer waits for. */
export interface CausingFact {
  readonly eventId: string;
  readonly event: DomainEvent;
}

/**
 * Facts that reactors record because of a command's events, and that belong to its effect: the answer waits for them
 * too. A port, because the platform does not know the features.
 */
export abstract class CausedFacts {
  /** The read models that show them. */
  abstract readonly shownBy: readonly ProjectionName[];

  /**
   * The position up to which everything caused is recorded; `none` when nothing is caused; `late` when something is
   * still missing after `timeoutMs`. Never throws for a store that is away: it is late.
   */
  abstract recorded(
    causes: readonly CausingFact[],
    actor: Actor,
    timeoutMs: number,
  ): Promise<Position | 'none' | 'late'>;
}
