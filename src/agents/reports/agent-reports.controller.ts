import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Clock } from '../../platform/clock/clock.js';
import { QueryEndpoint } from '../../platform/command/query-endpoint.js';
import type { Query as ListQuery } from '../../platform/http/list-query.js';
import { CurrentCaller, type Caller } from '../../platform/http/request-context.js';
import { AgentAttribution, attributionSections } from './agent-attribution.js';
import { AgentDiagnostics, diagnosticSections } from './agent-diagnostics.js';
import { reportRequest } from './report-request.js';
import { SelfOnly } from './self-access.js';

const readFrom = ['agent-status', 'liveness', 'tasks', 'activities', 'cost'] as const;

@ApiTags('agents')
@Controller('api/agents/:id')
export class AgentReportsController {
  constructor(
    private readonly access: SelfOnly,
    private readonly diagnostics: AgentDiagnostics,
    private readonly attribution: AgentAttribution,
    private readonly answers: QueryEndpoint,
    private readonly clock: Clock,
  ) {}

  @Get('diagnostics')
  @ApiOperation({ summary: 'How an agent is doing, for itself' })
  async diagnose(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { period, sections, privileged } = reportRequest(query, diagnosticSections, this.clock.now());
    return this.answers.answer(reply, readFrom, query, async () => {
      const { agent } = await this.access.admit(principal, reference, privileged);
      const { id, name, role, status } = agent;
      return {
        agent: { id, name, role, status },
        timeframe: period,
        ...(await answered(sections, (section) => this.diagnostics.section(section, agent, period))),
      };
    });
  }

  @Get('attribution')
  @ApiOperation({ summary: 'What is put down to an agent, for itself' })
  async attribute(
    @CurrentCaller() { principal }: Caller,
    @Param('id') reference: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { period, sections, privileged } = reportRequest(query, attributionSections, this.clock.now());
    return this.answers.answer(reply, readFrom, query, async () => {
      const { agent, scope } = await this.access.admit(principal, reference, privileged);
      return {
        agent_name: agent.name,
        timeframe: period,
        access_scope: scope,
        ...(await answered(sections, (section) => this.attribution.section(section, agent, period))),
      };
    });
  }
}

async function answered<Section extends string>(
  sections: readonly Section[],
  answer: (section: Section) => object | Promise<object>,
): Promise<Record<string, object>> {
  const answers = await Promise.all(sections.map(async (section) => [section, await answer(section)] as const));
  return Object.fromEntries(answers);
}
