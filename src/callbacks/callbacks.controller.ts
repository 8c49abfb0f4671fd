import { Controller, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { CallbackCommands, badSignature, type CallbackAnswer } from './callbacks.commands.js';
import { CallbackLimits } from './callback-limits.js';
import { CallbackSigners } from './callback-signers.js';
import { LegacyAgents } from './legacy-agents.js';
import type { SignedCallback } from './callbacks.commands.js';

const shownBy = ['tasks', 'activities'] as const;

/** Signed callbacks. The signature is the credential, taken over the bytes as they came. */
@ApiTags('callbacks')
@Controller('api')
export class CallbacksController {
  constructor(
    private readonly signers: CallbackSigners,
    private readonly commands: CallbackCommands,
    private readonly limits: CallbackLimits,
    private readonly legacyAgents: LegacyAgents,
    private readonly endpoint: CommandEndpoint,
  ) {}

  @Post('callbacks/:agent')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Report progress, completion or failure of a task, signed',
    description: 'Standard Webhooks, HMAC-SHA256. One id counts once, for ever.',
  })
  async receive(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('agent') reference: string,
  ) {
    const answer = await this.taken(request, reply, reference);
    const { accepted, result } = answer;
    return {
      success: true,
      accepted: true,
      duplicate: answer.duplicate,
      callback_id: answer.acceptedId,
      type: accepted.report.type,
      task_id: accepted.report.taskId,
      task_status: result.taskStatus,
      token_recorded: result.tokenRecorded,
      ...(result.tokenError === null ? {} : { token_error: result.tokenError }),
    };
  }

  @Post('webhooks/agent-completion')
  @HttpCode(200)
  @ApiOperation({
    summary: 'The same for agents that can sign the body alone',
    description: 'Only for agents for which an admin switched it on: it has neither time nor id.',
  })
  async complete(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query('agent') named: unknown,
  ) {
    const reference = typeof named === 'string' ? named : await this.legacyAgents.only();
    const { accepted, result, duplicate } = await this.taken(request, reply, reference ?? '');
    const { taskId, message } = accepted.report;
    return {
      success: true,
      task_id: taskId,
      agent_id: accepted.agentId,
      summary: message,
      new_status: result.taskStatus,
      message: `Task ${taskId ?? ''} is ${result.taskStatus ?? 'unchanged'}`,
      duplicate,
    };
  }

  private async taken(request: FastifyRequest, reply: FastifyReply, reference: string): Promise<CallbackAnswer> {
    const { rawHeaders } = request.raw;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const verdict = await this.signers.verify(reference, { headers: rawHeaders, body });
    if (verdict.kind === 'refused') {
      const tooMany = await this.limits.refused(reference, request.mc, verdict.reason);
      throw tooMany ?? badSignature();
    }
    await this.limits.taken(verdict.callback.agent.agentId);
    return this.applied(request, reply, verdict.callback);
  }

  private async applied(
    request: FastifyRequest,
    reply: FastifyReply,
    callback: SignedCallback,
  ): Promise<CallbackAnswer> {
    const answer = await this.commands.receive(request.mc, callback);
    await this.endpoint.settle(request, reply, answer.position, shownBy);
    return answer;
  }
}
