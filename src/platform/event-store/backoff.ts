import { setTimeout as sleep } from 'node:timers/promises';

/** Full jitter: a random wait between 0 and min(first * 2^attempt, ceiling), ms; `attempt` counts from 0. */
export function backoffMs(attempt: number, first: number, ceiling: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(first * 2 ** Math.min(attempt, 30), ceiling));
}

/** Waits, or returns early when the signal fires. Never throws. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
