import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CommandEndpoint } from '../platform/command/command-endpoint.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { OtlpReports } from './otlp-reports.js';
import type { OtlpSignal } from './otlp-usage.js';

const shownBy = ['cost'] as const;

/** OTLP/HTTP: exporters know these paths. The answer is OTLP's, which tells them not to send again what is refused. */
@Controller('v1')
export class OtlpController {
  constructor(
    private readonly reports: OtlpReports,
    private readonly endpoint: CommandEndpoint,
  ) {}

  @Post('logs')
  @HttpCode(200)
  async logs(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ) {
    return this.record(request, reply, caller, body, 'logs');
  }

  @Post('traces')
  @HttpCode(200)
  async traces(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @CurrentCaller() caller: Caller,
    @Body() body: unknown,
  ) {
    return this.record(request, reply, caller, body, 'traces');
  }

  private async record(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    body: unknown,
    signal: OtlpSignal,
  ): Promise<object> {
    const context = this.endpoint.contextOf(request, caller, `POST /v1/${signal}`, null);
    const { rejected, reasons, position } = await this.reports.record(context, caller.principal, body, signal);
    await this.endpoint.settle(request, reply, position, shownBy);
    if (rejected === 0) return {};
    const field = signal === 'logs' ? 'rejectedLogRecords' : 'rejectedSpans';
    return { partialSuccess: { [field]: String(rejected), errorMessage: reasons.join('; ') } };
  }
}
