import { Injectable } from '@nestjs/common';
import {
  NotificationQueries,
  type Inbox,
  type MarkableRow,
  type NotificationRow,
} from '../../projections/notifications/notifications.queries.js';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import { derivedId } from '../platform/ids/ids.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { MAX_MARKED, type InboxEvent } from './notifications.events.js';

/** How long a mark waits for a read model that does not know a notification yet. */
const KNOW_WITHIN_MS = 1_000;

export interface MarkedNotifications {
  readonly count: number;
  /** Of the last fact; undefined when there was nothing to mark. */
  readonly position: Position | undefined;
}

type Mark = InboxEvent['type'];
type Markable = Pick<MarkableRow, 'id' | 'recipient' | 'recipientAgentId'>;

/**
 * Marks of notifications. Which ones there are and whose is asked from the read model, since neither ever changes; a
 * mark itself is a fact that may be repeated without harm, so nothing needs to be decided in one stream.
 */
@Injectable()
export class NotificationCommands {
  constructor(
    private readonly store: EventStore,
    private readonly queries: NotificationQueries,
    private readonly progress: ReadModelProgress,
  ) {}

  /** An agent's own ones become delivered and read; foreign and unknown ids are ignored, and what was read is left. */
  acknowledge(
    context: CommandContext,
    { agentId, name }: { readonly agentId: number; readonly name: string },
    ids: readonly number[],
  ): Promise<MarkedNotifications> {
    return this.read(context, ids, { recipient: name, agentId });
  }

  /** `inbox`: only those in it. */
  async read(context: CommandContext, ids: readonly number[], inbox?: Inbox): Promise<MarkedNotifications> {
    const known = await this.known(context, ids);
    return this.mark(
      context,
      'NotificationsRead',
      known.filter((row) => !row.isRead && (inbox === undefined || isIn(inbox, row))),
    );
  }

  readAll(context: CommandContext, inbox: Inbox): Promise<MarkedNotifications> {
    return this.markAll(context, 'NotificationsRead', (after) =>
      this.queries.unmarked(context.workspaceId, inbox, 'read', { after, limit: MAX_MARKED }),
    );
  }

  /** The oldest of those that were not delivered, which are then; `limit` of them at most. */
  async deliver(
    context: CommandContext,
    inbox: Inbox,
    limit: number,
  ): Promise<MarkedNotifications & { readonly rows: readonly NotificationRow[] }> {
    await this.catchUp();
    const waiting = await this.queries.unmarked(context.workspaceId, inbox, 'delivered', { after: -1n, limit });
    const marked = await this.mark(context, 'NotificationsDelivered', waiting);
    const rows = await this.queries.rowsOf(
      context.workspaceId,
      waiting.map(({ id }) => id),
    );
    return { ...marked, rows };
  }

  async remove(context: CommandContext, ids: readonly number[]): Promise<MarkedNotifications> {
    return this.mark(context, 'NotificationsDeleted', await this.known(context, ids));
  }

  removeOlder(context: CommandContext, inbox: Inbox, before: Date): Promise<MarkedNotifications> {
    return this.markAll(context, 'NotificationsDeleted', (after) =>
      this.queries.before(context.workspaceId, inbox, before, { after, limit: MAX_MARKED }),
    );
  }

  /** A notification may be known from the stream before the read model knows it. */
  private async known({ workspaceId }: CommandContext, given: readonly number[]): Promise<readonly MarkableRow[]> {
    const ids = [...new Set(given)];
    if (ids.length === 0) return [];
    const rows = await this.queries.byIds(workspaceId, ids);
    if (rows.length === ids.length) return rows;
    await this.catchUp();
    return this.queries.byIds(workspaceId, ids);
  }

  private async catchUp(): Promise<void> {
    await this.progress.waitFor(['notifications'], await logEnd(this.store), KNOW_WITHIN_MS);
  }

  private async markAll(
    context: CommandContext,
    mark: Mark,
    next: (after: bigint) => Promise<readonly MarkableRow[]>,
  ): Promise<MarkedNotifications> {
    await this.catchUp();
    let done: MarkedNotifications = { count: 0, position: undefined };
    let after = -1n;
    for (;;) {
      const rows = await next(after);
      const last = rows.at(-1);
      if (last === undefined) return done;
      const { count, position } = await this.mark(context, mark, rows);
      done = { count: done.count + count, position: position ?? done.position };
      after = last.position;
    }
  }

  /** One event an inbox. Its id depends on what it marks: a repeat that finds less left to do is another event. */
  private async mark(context: CommandContext, type: Mark, rows: readonly Markable[]): Promise<MarkedNotifications> {
    let position: Position | undefined;
    for (const own of byInbox(rows)) {
      const [{ recipient, recipientAgentId }] = own;
      const stream = inboxStream(context.workspaceId, { recipient, agentId: recipientAgentId });
      const ids = own.map(({ id }) => id);
      const event = {
        id: derivedId('mark', context.commandId, type, stream, ids.join()),
        type,
        data: { recipient, recipientAgentId, ids },
        metadata: metadataOf(context),
      };
      const appended = await this.store.append(stream, [event], 'any');
      position = position === undefined ? appended.position : laterOf(position, appended.position);
    }
    return { count: rows.length, position };
  }
}

/** Whose a notification is: the agent's that held the name, or whoever has a name that nobody held. */
function isIn(inbox: Inbox, { recipient, recipientAgentId }: Markable): boolean {
  return recipientAgentId === null ? recipient === inbox.recipient : recipientAgentId === inbox.agentId;
}

function inboxStream(workspaceId: number, { recipient, agentId }: Inbox): string {
  return `inbox-${derivedId('inbox', workspaceId, agentId ?? '', agentId === null ? recipient : '')}`;
}

function byInbox(rows: readonly Markable[]): Iterable<readonly [Markable, ...Markable[]]> {
  const inboxes = new Map<number | string, [Markable, ...Markable[]]>();
  for (const row of rows) {
    const key = row.recipientAgentId ?? row.recipient;
    const own = inboxes.get(key);
    if (own === undefined) inboxes.set(key, [row]);
    else own.push(row);
  }
  return inboxes.values();
}
