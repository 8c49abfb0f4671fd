import { connector, type Connect, storedStatus, type StoredStatus } from '../../projections/engine/index.js';
import type { Clock } from '../platform/clock/clock.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import type { LogGeneration } from '../platform/event-store/log-generation.js';
import { positionText } from '../platform/event-store/position-text.js';
import { type ProjectionHealth, ProjectionStates } from './projection-states.js';

const FRESH_MS = 1_000;

/**
 * The projections as their tables say, one line a projection: its active version. Asked at most once a second, because
 * the question opens a connection of its own and comes from public routes too.
 */
export class StoredProjectionStates extends ProjectionStates {
  private readonly connect: Connect;
  private last: { readonly at: number; readonly states: Promise<readonly ProjectionHealth[]> } | undefined;

  constructor(
    databaseUrl: string,
    private readonly store: EventStore,
    private readonly generation: LogGeneration,
    private readonly clock: Clock,
  ) {
    super();
    this.connect = connector(databaseUrl, 'health');
  }

  all(): Promise<readonly ProjectionHealth[]> {
    const now = performance.now();
    if (this.last === undefined || now - this.last.at > FRESH_MS) this.last = { at: now, states: this.read() };
    return this.last.states;
  }

  private async read(): Promise<readonly ProjectionHealth[]> {
    const stored = await storedStatus(this.connect, await this.store.head());
    const active = stored.filter(({ isActive }) => isActive);
    return active.map((status) => this.healthOf(status, stored));
  }

  private healthOf(status: StoredStatus, all: readonly StoredStatus[]): ProjectionHealth {
    const isRebuilding = all.some(
      ({ projection, state }) => projection === status.projection && state === 'rebuilding',
    );
    const behindMs = status.lagEvents > 0n ? this.clock.now().getTime() - status.movedAt.getTime() : 0;
    return {
      name: status.projection,
      state: isRebuilding && status.state !== 'halted' ? 'rebuilding' : status.state,
      lagEvents: Number(status.lagEvents),
      lagSeconds: Math.max(0, Math.round(behindMs / 100) / 10),
      ...(this.generation.isKnown ? { checkpoint: positionText(status.position, this.generation.current) } : {}),
    };
  }
}
