import { Body, Controller, Delete, Get, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NotificationQueries, type Inbox } from '../../projections/notifications/notifications.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { oneOf, pageOf, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { notificationJson } from './notification-json.js';
import {
  deliveryRecipient,
  readSelection,
  recipientOf,
  removalSelection,
  type ReadSelection,
} from './notification-request.js';
import { NotificationCommands, type MarkedNotifications } from './notifications.commands.js';
import { notificationTypes } from './notifications.events.js';

const readFrom = ['notifications', 'tasks'] as const;
const shownBy = ['notifications', 'activities'] as const;
const MOST = 500;

type Marking = (context: CommandContext) => Promise<MarkedNotifications>;

@ApiTags('notifications')
@Controller('api/notifications')
export class NotificationsController {
  constructor(
    private readonly commands: NotificationCommands,
    private readonly queries: NotificationQueries,
    private readonly directory: AgentDirectory,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Notifications of one recipient, newest first' })
  async list(
    @CurrentCaller() { principal }: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const paging = pageOf(query, { cap: MOST });
    const type = oneOf(query, 'type', notificationTypes);
    const unreadOnly = ['1', 'true'].includes(oneOf(query, 'unread_only', ['0', '1', 'false', 'true']) ?? '0');
    const { recipient } = query;
    if (Array.isArray(recipient)) throw badRequest('Invalid recipient. Expected one name.');
    const inbox = await this.inboxOf(principal, recipientOf(recipient));
    return this.answers.answer(reply, readFrom, query, async () => {
      const filter = { unreadOnly, ...(type === undefined ? {} : { type }) };
      const { rows, total, unread } = await this.queries.list(principal.workspaceId, inbox, filter, paging);
      return {
        notifications: rows.map(notificationJson),
        total,
        page: paging.page,
        limit: paging.limit,
        unreadCount: unread,
      };
    });
  }

  @Put()
  @ApiOperation({ summary: 'Mark notifications as read, by id or all of one recipient' })
  async read(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ): Promise<Json> {
    const read = await this.reading(caller.principal, readSelection(body));
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'PUT /api/notifications', shownBy, body },
      async (context) => {
        const { count, position } = await read(context);
        return { status: 200, body: { success: true, markedAsRead: count }, position };
      },
    );
  }

  @Post()
  @ApiOperation({ summary: 'Take the notifications that an agent was not yet given' })
  async deliver(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ): Promise<Json> {
    const inbox = await this.inboxOf(caller.principal, deliveryRecipient(body));
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'POST /api/notifications', shownBy, body },
      async (context) => {
        const { count, position, rows } = await this.commands.deliver(context, inbox, MOST);
        const notifications = rows.map(notificationJson);
        return { status: 200, body: { success: true, delivered: count, notifications }, position };
      },
    );
  }

  @Delete()
  @ApiOperation({ summary: 'Delete notifications, by id or the old ones of one recipient' })
  remove(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ): Promise<Json> {
    const selection = removalSelection(body);
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'DELETE /api/notifications', shownBy, body },
      async (context) => {
        const { count, position } =
          selection.kind === 'ids'
            ? await this.commands.remove(context, selection.ids)
            : await this.commands.removeOlder(
                context,
                await this.inboxOf(caller.principal, selection.recipient),
                selection.before,
              );
        return { status: 200, body: { success: true, deleted: count }, position };
      },
    );
  }

  private async reading(principal: Principal, selection: ReadSelection): Promise<Marking> {
    if (selection.kind === 'ids') {
      const own = await this.ownInbox(principal);
      return (context) => this.commands.read(context, selection.ids, own);
    }
    const inbox = await this.inboxOf(principal, selection.recipient);
    return (context) => this.commands.readAll(context, inbox);
  }

  /** Errors: 403 when an agent's key names another recipient, whether there is one or not. */
  private async inboxOf({ workspaceId, agentId }: Principal, recipient: string): Promise<Inbox> {
    const owner = (await this.directory.ownerOf(workspaceId, recipient)) ?? null;
    if (agentId !== undefined && owner !== agentId) {
      throw new Refusal(403, 'Access denied: agent key may only access its own agent.');
    }
    return { recipient, agentId: owner };
  }

  /** What an agent's key reaches; undefined: everything. */
  private async ownInbox({ workspaceId, agentId }: Principal): Promise<Inbox | undefined> {
    if (agentId === undefined) return undefined;
    const agent = await this.directory.byId(workspaceId, agentId);
    return { recipient: agent?.name ?? '', agentId };
  }
}
