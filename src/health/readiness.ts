import type { EventStore } from '../platform/event-store/event-store.js';
import type { Drain } from '../platform/http/drain.js';
import type { DatabaseProbe, ProjectionHealth, ProjectionStates } from './health-source.js';
import type { WarmUp } from './warm-up.js';

export type CheckResult = 'ok' | 'error';

/** HTTP contract, section 16. No error texts: the route is public. */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not_ready';
  readonly checks: { readonly event_store: CheckResult; readonly postgres: CheckResult };
  readonly projections: readonly ProjectionHealth[];
}

const CHECK_BOUND_MS = 1_000;

export interface ReadinessParts {
  readonly store: EventStore;
  readonly drain: Drain;
  readonly warmUp: WarmUp;
  readonly database: DatabaseProbe;
  readonly projections: ProjectionStates;
}

/**
 * Whether this process should get traffic. Not without the event store, not while it
 * warms up, and not while it stops; without PostgreSQL it
 * still takes commands that need no read model, so it is degraded, like with a projection that halted. It cannot see
 * whether another process can answer instead. Callers that ask at the same time share one round of checks.
 */
export class ReadinessCheck {
  private running: Promise<Readiness> | undefined;

  constructor(private readonly parts: ReadinessParts) {}

  current(): Promise<Readiness> {
    this.running ??= this.check().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async check(): Promise<Readiness> {
    const { store, drain, warmUp, database, projections } = this.parts;
    const [eventStore, postgres, states] = await Promise.all([
      succeeds(store.head()),
      succeeds(database.check()),
      orUndefined(projections.all()),
    ]);
    const sound = postgres && states !== undefined && states.every(({ state }) => state !== 'halted');
    return {
      status: statusOf(eventStore && warmUp.isOver && !drain.isDraining, sound),
      checks: { event_store: result(eventStore), postgres: result(postgres && states !== undefined) },
      projections: states ?? [],
    };
  }
}

function statusOf(serving: boolean, sound: boolean): Readiness['status'] {
  if (!serving) return 'not_ready';
  return sound ? 'ready' : 'degraded';
}

function result(good: boolean): CheckResult {
  return good ? 'ok' : 'error';
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  const outcome = await orUndefined(work.then(() => true));
  return outcome === true;
}

/** The value, or undefined when it failed or took longer than a second. */
async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), CHECK_BOUND_MS);
  });
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
