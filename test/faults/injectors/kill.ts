import { eventually } from '../../support/eventually.js';
import { killAll, partNames, pidsOf } from '../system/processes.js';
import type { SystemUnderTest } from '../system/system.js';

/** What is killed: a part that the supervisor starts again, the supervisor alone, or every process at once. */
export const victims = [...partNames, 'supervisor', 'everything'] as const;
export type Victim = (typeof victims)[number];

/** How a fault hit, and how long the system needed to be whole again. */
export interface Injection {
  readonly inFlight: number;
  readonly healedMs: number;
}

const RESTART_BOUND_MS = 30_000;

/**
 * SIGKILL while requests are in flight, confirmed; then waits, with nobody's help but a start of the supervisor where that
 * died, until the system says that it is ready. Rejects when it is not within 30 s.
 */
export async function kill(victim: Victim, system: SystemUnderTest, inFlight: () => number): Promise<Injection> {
  const pids = victimsOf(victim, system);
  if (pids.length === 0) throw new Error(`${victim} does not run`);
  const flying = await eventually('a request in flight', () => inFlight() > 0 && inFlight());
  const startedAt = performance.now();
  await killAll(pids);
  if (victim === 'everything') await system.killEverything();
  if (victim === 'everything' || victim === 'supervisor') {
    await system.boot();
  } else {
    const isBack = () => pidsOf(victim, system.dataDir).some((pid) => !pids.includes(pid));
    await eventually(`${victim} to be started again`, isBack, RESTART_BOUND_MS);
    await system.untilReady();
  }
  return { inFlight: flying, healedMs: performance.now() - startedAt };
}

function victimsOf(victim: Victim, system: SystemUnderTest): readonly number[] {
  if (victim === 'everything') return system.processes();
  if (victim === 'supervisor') return [system.supervisorPid];
  return pidsOf(victim, system.dataDir);
}
