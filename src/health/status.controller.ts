import { Controller, Get, Inject, Query } from '@nestjs/common';
import { AccessTable } from '../platform/auth/access-table.js';
import type { AccessRule } from '../platform/auth/access-rule.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { oneOf, type Query as QueryValues } from '../platform/http/list-query.js';
import { operationOf } from '../docs-api/operations.js';
import { ProjectionStates } from './health-source.js';
import { ReadinessCheck } from './readiness.js';
import { version } from './version.js';

const actions = ['overview', 'dashboard', 'capabilities', 'models', 'health'] as const;

@Controller()
export class StatusController {
  constructor(
    @Inject(ReadinessCheck) private readonly readiness: ReadinessCheck,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(AccessTable) private readonly table: AccessTable,
    @Inject(ProjectionStates) private readonly projectionStates: ProjectionStates,
  ) {}

  @Get('/api/status')
  status(@Query() query: QueryValues): unknown {
    switch (oneOf(query, 'action', actions)) {
      case 'health':
        return this.health();
      case 'capabilities':
        return this.capabilities();
      case 'models':
        return { models: [] };
      case 'overview':
      case 'dashboard':
      case undefined:
        return this.overview();
    }
  }

  @Get('/api/projections')
  async projections() {
    return { projections: await this.projectionStates.all() };
  }

  @Get('/api/index')
  index() {
    const endpoints = [...byPath(this.table.rules)].map(([path, rules]) => endpointOf(path, rules));
    return {
      version,
      total_endpoints: endpoints.length,
      endpoints,
      event_stream: { path: '/api/events', protocol: 'SSE', description: 'Every fact as one frame, resumable by id' },
      docs: { openapi: '/api/docs' },
    };
  }

  private async health() {
    const { status, checks } = await this.readiness.current();
    return {
      status: status === 'ready' ? 'healthy' : 'degraded',
      version,
      uptime: Math.floor(process.uptime()),
      checks: Object.entries(checks).map(([name, result]) => ({
        name,
        status: result,
        message: result === 'ok' ? 'reachable' : 'not reachable',
      })),
      timestamp: this.clock.now().getTime(),
    };
  }

  private capabilities() {
    const { connectionTimeoutSeconds, agentTimeoutSeconds, taskLeaseSeconds, roles } = this.config;
    return {
      version,
      roles,
      connection_timeout: connectionTimeoutSeconds,
      agent_timeout: agentTimeoutSeconds,
      task_lease: taskLeaseSeconds,
      features: ['connections', 'heartbeats', 'tokens', 'events', 'audit'],
    };
  }

  private async overview() {
    const { status, checks, projections } = await this.readiness.current();
    return {
      version,
      uptime: Math.floor(process.uptime()),
      status,
      checks,
      projections,
      timestamp: this.clock.now().getTime(),
    };
  }
}

function byPath(rules: readonly AccessRule[]): Map<string, AccessRule[]> {
  const paths = new Map<string, AccessRule[]>();
  for (const rule of rules) paths.set(rule.path, [...(paths.get(rule.path) ?? []), rule]);
  return paths;
}

function endpointOf(path: string, rules: readonly AccessRule[]) {
  const operations = rules.map(({ method }) => operationOf(method, path));
  return {
    path,
    methods: rules.map(({ method }) => method),
    tag: operations[0]?.tag ?? 'Operations',
    description: operations.map(({ summary }) => summary).join('; '),
    auth: rules.map(({ method, role }) => `${method}: ${role}`).join(', '),
  };
}
