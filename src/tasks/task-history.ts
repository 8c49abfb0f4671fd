import { Injectable } from '@nestjs/common';
import { auditRecord, type AuditRecord } from '../audit/audit-record.js';
import { foldAll } from '../platform/command/aggregates.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Moment } from '../platform/event-store/past.js';
import { isAfter, type Position } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Json, StoredEvent } from '../platform/event-store/stored-event.js';
import { TaskDirectory } from './task-directory.js';
import { taskJson } from './task-json.js';
import { noSuchTask } from './task-refusals.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './tasks.events.js';

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
    private readonly generation: LogGeneration,
  ) {}

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
