import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds. Throws after `boundMs` with what was awaited. */
export async function until(what: string, holds: () => boolean, boundMs = 30_000): Promise<void> {
  const end = performance.now() + boundMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${boundMs / 1000} s in vain: ${what}`);
    await delay(10);
  }
}
