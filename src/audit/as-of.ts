import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Moment } from '../platform/event-store/past.js';
import { isAfter, type Position } from '../platform/event-store/position.js';
import { parsePosition } from '../platform/event-store/position-text.js';
import { badRequest } from '../platform/http/errors.js';
import type { Query } from '../platform/http/list-query.js';
import { readInstant } from './audit-query.js';

/** Reads `?asOf=`. Who may ask for the past, and where, is the access table's to say. */
@Injectable()
export class AsOf {
  constructor(
    private readonly store: EventStore,
    private readonly generation: LogGeneration,
    private readonly clock: Clock,
  ) {}

  /** A position, ISO 8601 or unix seconds; undefined when it is absent. Errors: 400 malformed or in the future. */
  async momentOf(query: Query): Promise<Moment | undefined> {
    const asked = query['asOf'];
    if (asked === undefined) return undefined;
    const parsed = typeof asked === 'string' ? parsePosition(asked, this.generation.current) : undefined;
    if (parsed?.kind === 'foreign') throw badRequest('Invalid position');
    if (parsed?.kind === 'position') {
      await this.assertPast(parsed.position);
      return ({ position }) => !isAfter(position, parsed.position);
    }
    const ms = readInstant(query, 'asOf');
    if (ms === undefined) return undefined;
    if (ms > this.clock.now().getTime()) throw badRequest('asOf is in the future');
    return ({ metadata }) => Date.parse(metadata.recordedAt) <= ms;
  }

  private async assertPast(position: Position): Promise<void> {
    const head = await this.store.head();
    if (head === undefined || isAfter(position, head)) throw badRequest('asOf is in the future');
  }
}
