import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { LogGeneration } from '../event-store/log-generation.js';
import type { Position } from '../event-store/position.js';
import { parsePosition, positionText } from '../event-store/position-text.js';
import { badRequest, unavailable } from '../http/errors.js';
import { ReadModelProgress, type ProjectionName } from '../read-models/consistency.js';

/** The two query parameters that every query takes. */
export interface FreshnessQuery {
  readonly atLeast?: unknown;
  readonly stale?: unknown;
}

/** Answers queries from read models, and says how far those have come. */
@Injectable()
export class QueryEndpoint {
  constructor(
    private readonly progress: ReadModelProgress,
    private readonly generation: LogGeneration,
  ) {}

  /**
   * Waits for `?atLeast=` and runs the query; writes `x-mc-position` (the answer is true up to here) and the lag.
   * Errors: 400 for a malformed or foreign position, 503 when it is not reached in time and `stale=ok` is not given.
   */
  async answer<T>(
    reply: FastifyReply,
    projections: readonly ProjectionName[],
    query: FreshnessQuery,
    run: () => Promise<T>,
  ): Promise<T> {
    await this.waitFor(reply, projections, query);
    const consistency = await this.progress.consistencyOf(projections);
    const result = await run();
    reply.header('x-mc-position', positionText(consistency.position, this.generation.current));
    reply.header('x-mc-lag-events', consistency.lagEvents.toString());
    reply.header('x-mc-lag-seconds', consistency.lagSeconds.toFixed(3));
    return result;
  }

  private async waitFor(
    reply: FastifyReply,
    projections: readonly ProjectionName[],
    { atLeast, stale }: FreshnessQuery,
  ): Promise<void> {
    const position = leastPosition({ atLeast, stale }, this.generation.current);
    if (position === undefined || (await this.progress.waitFor(projections, position))) return;
    if (stale !== 'ok') throw unavailable('The read models have not reached this position yet');
    reply.header('x-mc-consistency', 'eventual');
  }
}

/** What `atLeast` asks for. Errors: 400 for a malformed or foreign position, or a `stale` that is not `ok`. */
export function leastPosition({ atLeast, stale }: FreshnessQuery, generation: string): Position | undefined {
  if (stale !== undefined && stale !== 'ok') throw badRequest('Invalid stale. Expected ok.');
  if (atLeast === undefined) return undefined;
  const parsed = typeof atLeast === 'string' ? parsePosition(atLeast, generation) : undefined;
  if (parsed?.kind !== 'position') throw badRequest('Invalid position');
  return parsed.position;
}
