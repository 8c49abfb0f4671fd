import { eventually } from '../../support/eventually.js';
import { killAll, type PartName, pidsOf } from '../system/processes.js';
import type { SystemUnderTest } from '../system/system.js';

/** What is killed: a part that the supervisor starts again, the supervisor alone, or every process at once. */
export type Victim = PartName | 'supervisor' | 'everything';

/** How a fault hit, and how long the system needed to be whole again. */
export interface Injection {
  readonly killed: number;
  readonly inFlight: number;
  readonly healedMs: number;
}

/**
 * SIGKILL under load, confirmed; then waits, with nobody's help but a start of the supervisor where that died, until the
 * system says that it is ready. Rejects when it is not within 30 s.
 */
export async function kill(victim: Victim, system: SystemUnderTest, inFlight: () => number): Promise<Injection> {
  const pids = victimsOf(victim, system);
  if (pids.length === 0) throw new Error(`${victim} does not run`);
  const startedAt = performance.now();
  const flying = inFlight();
  if (victim === 'everything') await system.killEverything();
  else await killAll(pids);
  if (victim === 'everything' || victim === 'supervisor') {
    await system.boot();
  } else {
    await eventually(
      `${victim} to be started again`,
      () => pidsOf(victim, system.dataDir).some((pid) => !pids.includes(pid)),
      30_000,
    );
    await system.untilReady();
  }
  return { killed: pids.length, inFlight: flying, healedMs: performance.now() - startedAt };
}

function victimsOf(victim: Victim, system: SystemUnderTest): readonly number[] {
  if (victim === 'everything') return system.processes();
  if (victim === 'supervisor') return [system.supervisorPid];
  return pidsOf(victim, system.dataDir);
}
