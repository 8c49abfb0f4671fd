import { Body, Controller, Delete, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgentStatusQueries, type ConnectionRow } from '../../projections/agent-status/agent-status.queries.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { unixSeconds } from '../agents/agent-json.js';
import type { Principal } from '../platform/auth/principal.js';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest } from '../platform/http/errors.js';
import { oneOf, pageOf, text, type Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { ConnectionCommands } from './connections.commands.js';
import { ConnectBody } from './connections.dto.js';

const shownBy = ['agent-status', 'liveness'] as const;
export const HEARTBEAT_INTERVAL_SECONDS = 30;
const NOBODY = -1;

@ApiTags('connections')
@Controller('api/connect')
export class ConnectionsController {
  constructor(
    private readonly commands: ConnectionCommands,
    private readonly directory: AgentDirectory,
    private readonly queries: AgentStatusQueries,
    private readonly endpoint: CommandEndpoint,
    private readonly answers: QueryEndpoint,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Open a connection',
    description: 'Creates the agent if its name is new; supersedes the connection that is open.',
  })
  open(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: ConnectBody,
  ): Promise<Json> {
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'POST /api/connect', shownBy, body },
      async (context) => {
        const { opened, position, replayed } = await this.commands.open(context, caller.principal, body);
        return {
          status: 200,
          body: {
            connection_id: opened.connectionId,
            agent_id: opened.agentId,
            agent_name: opened.agentName,
            status: 'connected',
            sse_url: '/api/events',
            heartbeat_url: `/api/agents/${opened.agentId}/heartbeat`,
            token_report_url: '/api/tokens',
            heartbeat_interval: HEARTBEAT_INTERVAL_SECONDS,
            connection_timeout: this.config.connectionTimeoutSeconds,
            epoch: opened.epoch,
          },
          position,
          replayed,
        };
      },
    );
  }

  @Get()
  @ApiOperation({ summary: 'List connections, newest first', description: 'Filters: status, agent (id or name).' })
  async list(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { principal } = caller;
    const paging = pageOf(query, { cap: 200, byDefault: 200 });
    const status = oneOf(query, 'status', ['connected', 'disconnected'] as const);
    const agent = text(query, 'agent', 400);
    return this.answers.answer(reply, shownBy, query, async () => {
      const asked = agent === undefined ? undefined : await this.idOf(principal.workspaceId, agent);
      const agentId = reachableOf(principal, asked);
      const filter = { ...(status === undefined ? {} : { status }), ...(agentId === undefined ? {} : { agentId }) };
      const { rows, total } = await this.queries.connections(principal.workspaceId, filter, paging);
      return {
        connections: rows.map(connectionJson),
        total,
        page: paging.page,
        limit: paging.limit,
      };
    });
  }

  @Delete()
  @ApiOperation({ summary: 'Close a connection; repeating it is harmless' })
  close(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ): Promise<Json> {
    const connectionId = connectionIdIn(body);
    return this.endpoint.handle(
      request,
      reply,
      caller,
      { route: 'DELETE /api/connect', shownBy, body },
      async (context) => ({
        status: 200,
        body: { status: 'disconnected', connection_id: connectionId },
        position: await this.commands.close(context, caller.principal, connectionId),
      }),
    );
  }

  /** An agent that is not there has no connections: `NOBODY` matches none. */
  private async idOf(workspaceId: number, reference: string): Promise<number> {
    if (!/^\d+$/.test(reference))
      return (await this.directory.ownerOf(workspaceId, reference.normalize('NFC'))) ?? NOBODY;
    const id = Number(reference);
    return Number.isSafeInteger(id) ? id : NOBODY;
  }
}

/** Which agent's connections may be listed: an agent's key is shown none but its own. Undefined: everybody's. */
function reachableOf({ agentId: own }: Principal, asked: number | undefined): number | undefined {
  if (own === undefined || asked === undefined || asked === own) return asked ?? own;
  return NOBODY;
}

function connectionIdIn(body: unknown): string {
  const given = typeof body === 'object' && body !== null && 'connection_id' in body ? body.connection_id : undefined;
  if (typeof given !== 'string' || given === '') throw badRequest('connection_id is required');
  return given;
}

function connectionJson(row: ConnectionRow) {
  return {
    id: row.id,
    agent_id: row.agentId,
    tool_name: row.toolName,
    tool_version: row.toolVersion,
    connection_id: row.connectionId,
    status: row.status,
    last_heartbeat: unixSeconds(row.lastHeartbeat),
    metadata: row.metadata,
    created_at: unixSeconds(row.createdAt),
    updated_at: unixSeconds(row.updatedAt),
    workspace_id: row.workspaceId,
    agent_name: row.agentName,
    agent_status: row.agentStatus,
    agent_role: row.agentRole,
    close_reason: row.closeReason,
    closed_at: unixSeconds(row.closedAt),
    epoch: row.epoch,
  };
}
