import type { Position } from '../event-store/position.js';

/**
 * Hints that parts of one process give each other through `@nestjs/event-emitter`. No fact travels here: what misses a
 * hint finds out by itself, a little later.
 */
export const LOG_ADVANCED = 'log.advanced';

/** This process has seen the log up to here. */
export interface LogAdvanced {
  readonly position: Position;
}
