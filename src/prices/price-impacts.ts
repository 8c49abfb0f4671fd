import { Injectable } from '@nestjs/common';
import {
  type PriceImpact,
  PriceImpactQueries,
  type RepricingState,
} from '../../projections/cost/price-impact.queries.js';
import type { Position } from '../platform/event-store/position.js';
import { Refusal } from '../platform/http/errors.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import type { PriceDifference } from './price-difference.js';

/** What the books of cost say about a revision. Recording one never fails because they cannot be asked. */
@Injectable()
export class PriceImpacts {
  constructor(
    private readonly queries: PriceImpactQueries,
    private readonly progress: ReadModelProgress,
  ) {}

  /** Errors: 503 when the books are away. */
  of(workspaceId: number, { before, after }: PriceDifference): Promise<PriceImpact> {
    return this.queries.impact(workspaceId, before, after);
  }

  /** Undefined when the books are away. */
  async ifKnown(workspaceId: number, difference: PriceDifference): Promise<PriceImpact | undefined> {
    return unlessAway(this.of(workspaceId, difference));
  }

  /** How far the pricing anew has come once the books know of the revision at `position`; undefined: they do not yet. */
  async repricingAfter(position: Position | undefined): Promise<RepricingState | undefined> {
    if (position !== undefined && !(await this.progress.waitFor(['cost'], position))) return undefined;
    return unlessAway(this.queries.repricing());
  }
}

async function unlessAway<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refusal && error.status === 503) return undefined;
    throw error;
  }
}
