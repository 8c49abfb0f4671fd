import { Injectable } from '@nestjs/common';
import { readInstant } from '../audit/audit-query.js';
import { auditRecord, type AuditRecord } from '../audit/audit-record.js';
import { hasRole, type Principal } from '../platform/auth/principal.js';
import { Clock } from '../platform/clock/clock.js';
import { foldAll } from '../platform/command/aggregates.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { isAfter, type Position } from '../platform/event-store/position.js';
import { parsePosition, positionText } from '../platform/event-store/position-text.js';
import type { Json, StoredEvent } from '../platform/event-store/stored-event.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import type { Query } from '../platform/http/list-query.js';
import { TaskDirectory } from './task-directory.js';
import { taskJson } from './task-json.js';
import { noSuchTask } from './task-refusals.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './tasks.events.js';

/** Which events were there at some moment of the past. */
export type Moment = (event: StoredEvent) => boolean;

export interface HistoryPage {
  readonly events: readonly AuditRecord[];
  readonly total: number;
  /** The next `from`; null: that was all. */
  readonly next: string | null;
}

/** What a task was, and everything that happened to it. Deleted tasks have a history too. */
@Injectable()
export class TaskHistory {
  constructor(
    private readonly directory: TaskDirectory,
    private readonly store: EventStore,
    private readonly generation: LogGeneration,
    private readonly clock: Clock,
  ) {}

  /**
   * What `?asOf=` asks for: a position, ISO 8601 or unix seconds; undefined when it is absent. Errors: 400 malformed or
   * in the future, 403 for others than admins and auditors.
   */
  async momentOf(principal: Principal, query: Query): Promise<Moment | undefined> {
    const asked = query['asOf'];
    if (asked === undefined) return undefined;
    if (principal.agentId !== undefined || (!hasRole(principal, 'admin') && !principal.scopes.includes('auditor'))) {
      throw new Refusal(403, 'Requires admin role or higher');
    }
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

  /** The usual body as it was then. Errors: 404 when there was no such task yet, or no longer. */
  async taskAsOf(workspaceId: number, taskId: number, wasThere: Moment): Promise<Json> {
    const events = (await this.directory.history(workspaceId, taskId)).filter(wasThere);
    const { state } = foldAll(taskDecider, events);
    const last = events.at(-1);
    if (state.kind !== 'task' || last === undefined) throw noSuchTask();
    const { recordedAt } = last.metadata;
    return {
      task: taskJson(state.snapshot, {
        workspaceId,
        updatedAt: recordedAt,
        revision: last.revision,
        leaseExpiresAt: state.lease === null ? null : leaseExpiry(events, state.lease.leaseSeconds),
      }),
      asOf: { position: this.text(last.position), recordedAt },
    };
  }

  /** Oldest first, strictly after `from`. Errors: 404 when there never was such a task. */
  async page(workspaceId: number, taskId: number, from: Position | undefined, limit: number): Promise<HistoryPage> {
    const events = await this.directory.history(workspaceId, taskId);
    if (events.length === 0) throw noSuchTask();
    const rest = from === undefined ? events : events.filter(({ position }) => isAfter(position, from));
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    return {
      events: page.map((event) => auditRecord(event, this.generation.current)),
      total: events.length,
      next: last === undefined || page.length === rest.length ? null : this.text(last.position),
    };
  }

  private async assertPast(position: Position): Promise<void> {
    const head = await this.store.head();
    if (head === undefined || isAfter(position, head)) throw badRequest('asOf is in the future');
  }

  private text(position: Position): string {
    return positionText(position, this.generation.current);
  }
}

/** As far as the task's own facts tell: the holder's beats are not among them. */
function leaseExpiry(events: readonly StoredEvent<TaskEvent>[], leaseSeconds: number): number | null {
  const sign = events.findLast(
    (event) =>
      event.type === 'TaskClaimed' ||
      event.type === 'TaskLeaseRenewed' ||
      ('lease' in event.data && event.data.lease === 'renewed'),
  );
  if (sign === undefined) return null;
  return Math.floor(Date.parse(sign.metadata.recordedAt) / 1_000) + leaseSeconds;
}
