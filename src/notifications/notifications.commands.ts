import { Injectable } from '@nestjs/common';
import {
  NotificationQueries,
  type Inbox,
  type MarkableRow,
  type NotificationRow,
} from '../../projections/notifications/notifications.queries.js';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { RevisionConflict } from '../platform/event-store/event-store.errors.js';
import { logEnd } from '../platform/event-store/log-end.js';
import { isAfter, laterOfKnown, type Position } from '../platform/event-store/position.js';
import { unavailable } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { MAX_MARKED, type InboxEvent } from './notifications.events.js';

/** How long a mark waits for a read model that does not know a notification yet. */
const KNOW_WITHIN_MS = 1_000;
const MAX_ATTEMPTS = 10;

export interface MarkedNotifications {
  readonly count: number;
  /** Of the last fact; undefined when there was nothing to mark. */
  readonly position: Position | undefined;
}

type Mark = InboxEvent['type'];

/**
 * Marks of notifications. Which ones there are and whose is asked from the read model, since neither ever changes. What is
 * marked already is decided at a revision of the stream of the inbox that the read model has passed: of several that are
 * after the same one, one marks it. When the read model is too far behind, a mark may be repeated; it changes nothing then.
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
    const asOf = await this.shown();
    const known = await this.known(context, ids);
    const own = known.filter((row) => !row.isRead && (inbox === undefined || isIn(inbox, row)));
    return this.mark(context, 'NotificationsRead', own, asOf);
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
    const asOf = await this.shown();
    const waiting = await this.queries.unmarked(context.workspaceId, inbox, 'delivered', { after: -1n, limit });
    const marked = await this.mark(context, 'NotificationsDelivered', waiting, asOf);
    return { ...marked, rows: await this.queries.rowsOf(context.workspaceId, marked.ids) };
  }

  async remove(context: CommandContext, ids: readonly number[]): Promise<MarkedNotifications> {
    const asOf = await this.shown();
    return this.mark(context, 'NotificationsDeleted', await this.known(context, ids), asOf);
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

  /** How far the notifications that are read from now on are shown at least. */
  private async shown(): Promise<Position | undefined> {
    const shown = await this.progress.consistencyOf(['notifications']).catch(() => undefined);
    return shown?.position;
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
      const asOf = await this.shown();
      const rows = await next(after);
      const last = rows.at(-1);
      if (last === undefined) return done;
      const { count, position } = await this.mark(context, mark, rows, asOf);
      done = { count: done.count + count, position: position ?? done.position };
      after = last.position;
    }
  }

  /** One event an inbox; `asOf`: how far the rows are shown at least. */
  private async mark(
    context: CommandContext,
    type: Mark,
    rows: readonly MarkableRow[],
    asOf: Position | undefined,
  ): Promise<MarkedNotifications & { readonly ids: readonly number[] }> {
    const ids: number[] = [];
    let position: Position | undefined;
    for (const own of byInbox(rows)) {
      const marked = await this.markIn(context, type, own, asOf);
      ids.push(...marked.ids);
      position = laterOfKnown(position, marked.position);
    }
    return { ids, count: ids.length, position };
  }

  private async markIn(
    context: CommandContext,
    type: Mark,
    rows: readonly [MarkableRow, ...MarkableRow[]],
    asOf: Position | undefined,
  ): Promise<{ readonly ids: readonly number[]; readonly position: Position | undefined }> {
    const [{ recipient, recipientAgentId }] = rows;
    const stream = inboxStream(context.workspaceId, { recipient, agentId: recipientAgentId });
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const [last] = (await this.store.readStreamBackwards(stream, { max: 1 })) ?? [];
      const isCurrent = last === undefined || (attempt === 0 && asOf !== undefined && !isAfter(last.position, asOf));
      const left = isCurrent ? rows : await this.leftAfter(last.position, context, type, rows);
      const ids = left.map(({ id }) => id);
      if (ids.length === 0) return { ids, position: last?.position };
      // The id depends on what is marked: a repeat that finds less left to do is another event.
      const event = {
        id: derivedId('mark', context.commandId, type, stream, ids.join()),
        type,
        data: { recipient, recipientAgentId, ids },
        metadata: metadataOf(context),
      };
      try {
        const { position } = await this.store.append(stream, [event], last?.revision ?? 'no_stream');
        return { ids, position };
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
      }
    }
    throw unavailable('Too many callers mark the same notifications at once');
  }

  /** What the read model shows as not marked when it has passed a position, or as far as it comes in time. */
  private async leftAfter(
    position: Position,
    { workspaceId }: CommandContext,
    type: Mark,
    rows: readonly MarkableRow[],
  ): Promise<readonly MarkableRow[]> {
    await this.progress.waitFor(['notifications'], position, KNOW_WITHIN_MS);
    const now = await this.queries.byIds(
      workspaceId,
      rows.map(({ id }) => id),
    );
    return now.filter((row) => !isMarked(row, type));
  }
}

/** A deleted one is not shown any more. */
function isMarked({ isRead, isDelivered }: MarkableRow, type: Mark): boolean {
  switch (type) {
    case 'NotificationsRead':
      return isRead;
    case 'NotificationsDelivered':
      return isDelivered;
    case 'NotificationsDeleted':
      return false;
  }
}

/** Whose a notification is: the agent's that held the name, or whoever has a name that nobody held. */
function isIn(inbox: Inbox, { recipient, recipientAgentId }: MarkableRow): boolean {
  return recipientAgentId === null ? recipient === inbox.recipient : recipientAgentId === inbox.agentId;
}

function inboxStream(workspaceId: number, { recipient, agentId }: Inbox): string {
  return `inbox-${derivedId('inbox', workspaceId, agentId ?? '', agentId === null ? recipient : '')}`;
}

function byInbox(rows: readonly MarkableRow[]): Iterable<readonly [MarkableRow, ...MarkableRow[]]> {
  const inboxes = new Map<number | string, [MarkableRow, ...MarkableRow[]]>();
  for (const row of rows) {
    const key = row.recipientAgentId ?? row.recipient;
    const own = inboxes.get(key);
    if (own === undefined) inboxes.set(key, [row]);
    else own.push(row);
  }
  return inboxes.values();
}
