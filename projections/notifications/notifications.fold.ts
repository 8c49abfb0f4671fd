import type { NotificationEvent, NotificationRaised } from '../../src/notifications/notifications.events.js';
import type { Stored } from '../engine/projection.js';

/** When a batch first says each of a notification. */
export interface Marks {
  deliveredAt?: string;
  readAt?: string;
  deletedAt?: string;
}

export interface RaisedRow {
  readonly data: NotificationRaised['data'];
  readonly workspaceId: number;
  readonly position: bigint;
  readonly at: string;
}

export interface NotificationChanges {
  readonly raised: ReadonlyMap<number, RaisedRow>;
  /** Of notifications of this batch and of earlier ones. */
  readonly marks: ReadonlyMap<number, Marks>;
}

export function foldNotifications(events: readonly Stored<NotificationEvent>[]): NotificationChanges {
  const raised = new Map<number, RaisedRow>();
  const marks = new Map<number, Marks>();
  for (const event of events) {
    const { workspaceId, recordedAt: at } = event.metadata;
    if (event.type === 'NotificationRaised') {
      raised.set(event.data.notificationId, { data: event.data, workspaceId, position: event.position.commit, at });
      continue;
    }
    for (const id of event.data.ids) {
      const known = marks.get(id) ?? {};
      marks.set(id, known);
      // What was read has reached its reader.
      if (event.type !== 'NotificationsDeleted') known.deliveredAt ??= at;
      if (event.type === 'NotificationsRead') known.readAt ??= at;
      if (event.type === 'NotificationsDeleted') known.deletedAt ??= at;
    }
  }
  return { raised, marks };
}

export function recipientKey(recipient: string, agentId: number | null): string {
  return agentId === null ? `name:${recipient}` : `agent:${agentId}`;
}
