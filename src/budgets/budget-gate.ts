import { Injectable } from '@nestjs/common';
import { BudgetQueries, type HardStop } from '../../projections/budgets/budgets.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { type Closures, DispatchGate, nothingClosed } from '../queue/dispatch-gate.js';
import type { Recipient } from '../tasks/tasks.events.js';

/** Usage is reported after the fact, so a moment more or less changes nothing, and a busy queue asks all the time. */
const FRESH_MS = 250;

interface Known {
  readonly stops: Promise<readonly HardStop[]>;
  readonly askedAt: number;
}

/** Hard budgets that have come to their limit stop new work of their scope. */
@Injectable()
export class BudgetGate extends DispatchGate {
  private readonly known = new Map<number, Known>();

  constructor(
    private readonly queries: BudgetQueries,
    private readonly clock: Clock,
  ) {
    super();
  }

  async closuresFor(workspaceId: number, who: Recipient): Promise<Closures> {
    const stops = (await this.stopsIn(workspaceId)).filter(({ agent }) => agent === null || agent === who.name);
    if (stops.length === 0) return nothingClosed;
    return {
      reasons: stops.map(({ budgetId, name }) => ({ id: budgetId, name })),
      isAllClosed: stops.some(({ projectId, taskId }) => projectId === null && taskId === null),
      projectIds: stops.flatMap(({ projectId, taskId }) => (taskId === null && projectId !== null ? [projectId] : [])),
      taskIds: stops.flatMap(({ taskId }) => taskId ?? []),
    };
  }

  private stopsIn(workspaceId: number): Promise<readonly HardStop[]> {
    const now = performance.now();
    const known = this.known.get(workspaceId);
    if (known !== undefined && now - known.askedAt < FRESH_MS) return known.stops;
    const stops = this.queries.hardStops(workspaceId, this.clock.now().getTime());
    this.known.set(workspaceId, { stops, askedAt: now });
    stops.catch(() => this.known.delete(workspaceId));
    return stops;
  }
}
