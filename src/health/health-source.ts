export const projectionStates = ['live', 'catching_up', 'rebuilding', 'halted'] as const;

/** One projection as readiness and operators see it. */
export interface ProjectionHealth {
  readonly name: string;
  readonly state: (typeof projectionStates)[number];
  readonly lagEvents: number;
  readonly lagSeconds: number;
  /** Public position of the checkpoint. */
  readonly checkpoint?: string;
}

/** Asks the projections how they are. Rejects when the read models are away. */
export abstract class ProjectionStates {
  abstract all(): Promise<readonly ProjectionHealth[]>;
}

/** Is PostgreSQL there? Rejects when not. */
export abstract class DatabaseProbe {
  abstract check(): Promise<void>;
}
