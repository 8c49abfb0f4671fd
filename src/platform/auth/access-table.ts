import type { AccessRule, AgentScope, HttpMethod } from './access-rule.js';
import type { Role } from './principal.js';

const KIB = 1024;
const MIB = 1024 * KIB;
export const DEFAULT_BODY_LIMIT = MIB;
const CALLBACK_LIMIT = 256 * KIB;

type RuleOptions = Partial<Omit<AccessRule, 'method' | 'path'>>;
type Methods = Partial<Record<HttpMethod, RuleOptions>>;

const role = (name: Role, scopes: readonly AgentScope[], options: RuleOptions): RuleOptions => ({
  role: name,
  agentScopes: scopes,
  ...options,
});
const viewer = (scopes: readonly AgentScope[] = [], options: RuleOptions = {}) => role('viewer', scopes, options);
const operator = (scopes: readonly AgentScope[] = [], options: RuleOptions = {}) => role('operator', scopes, options);
const admin = (options: RuleOptions = {}) => role('admin', [], options);
/** Where exporters of OpenTelemetry send to; the paths are theirs. */
const OTLP: RuleOptions = { limit: 'tokens', bodyLimit: 8 * MIB, body: 'otlp' };
const open = (options: RuleOptions = {}): RuleOptions => ({ role: 'public', limit: 'unlimited', ...options });

/** Rules of one path; what a method does not say is the safe default: admin only, JSON, 1 MiB. */
export function rulesOf(path: string, methods: Methods): AccessRule[] {
  return Object.entries(methods).map(([method, options]) => ({
    method: method as HttpMethod,
    path,
    role: 'admin',
    agentScopes: [],
    auditor: false,
    asOf: false,
    ticket: false,
    limit: method === 'GET' ? 'query' : 'command',
    bodyLimit: DEFAULT_BODY_LIMIT,
    body: 'json',
    head: true,
    ...options,
  }));
}

/**
 * THE access table: route × method → minimum role, agent scopes, public. Guards, OpenAPI and tests read it; a registered
 * route that is missing here fails the start.
 */
export const accessRules: readonly AccessRule[] = [
  ...rulesOf('/api/connect', {
    GET: viewer(['agent:heartbeat']),
    POST: operator(['agent:heartbeat']),
    DELETE: operator(['agent:heartbeat']),
  }),
  ...rulesOf('/api/agents', { GET: viewer(), POST: operator(), PUT: operator() }),
  ...rulesOf('/api/agents/register', { POST: viewer() }),
  ...rulesOf('/api/agents/{id}', { GET: viewer(['agent:self'], { asOf: true }), PUT: operator(), DELETE: admin() }),
  ...rulesOf('/api/agents/{id}/memory', { GET: viewer(['agent:self']), PUT: operator(), DELETE: operator() }),
  ...rulesOf('/api/agents/{id}/diagnostics', { GET: viewer(['agent:diagnostics']) }),
  ...rulesOf('/api/agents/{id}/attribution', { GET: viewer(['agent:attribution']) }),
  ...rulesOf('/api/agents/{id}/soul', { GET: viewer(['agent:self']), PUT: operator() }),
  ...rulesOf('/api/agents/{id}/heartbeat', {
    GET: viewer(['agent:self', 'agent:heartbeat']),
    POST: operator(['agent:heartbeat'], { limit: 'heartbeat' }),
  }),
  ...rulesOf('/api/events', {
    GET: viewer(['agent:self', 'agent:heartbeat'], { ticket: true, limit: 'unlimited', head: false }),
  }),
  ...rulesOf('/api/events/ticket', { POST: viewer(['agent:self', 'agent:heartbeat']) }),
  ...rulesOf('/api/tasks', {
    GET: viewer(['agent:self']),
    POST: operator(['agent:tasks']),
    PUT: operator(['agent:tasks']),
  }),
  ...rulesOf('/api/tasks/{id}', {
    GET: viewer(['agent:self'], { asOf: true }),
    PUT: operator(['agent:tasks']),
    DELETE: operator(),
  }),
  ...rulesOf('/api/tasks/{id}/comments', { GET: viewer(['agent:self']), POST: operator(['agent:tasks']) }),
  ...rulesOf('/api/tasks/{id}/broadcast', { POST: operator() }),
  ...rulesOf('/api/tasks/{id}/history', { GET: admin({ auditor: true }) }),
  ...rulesOf('/api/quality-review', { GET: viewer(), POST: operator() }),
  ...rulesOf('/api/tasks/outcomes', { GET: viewer() }),
  ...rulesOf('/api/tasks/regression', { GET: viewer() }),
  ...rulesOf('/api/tasks/queue', {
    GET: operator(['agent:tasks'], { limit: 'queue', head: false }),
    POST: operator(['agent:tasks'], { limit: 'queue' }),
  }),
  ...rulesOf('/api/tasks/{id}/release', { POST: operator(['agent:tasks']) }),
  ...rulesOf('/api/tokens', {
    GET: viewer([], { limitByAction: { export: 'search' } }),
    POST: operator(['agent:tokens'], { limit: 'tokens', bodyLimit: 8 * MIB, body: 'json-or-ndjson' }),
  }),
  ...rulesOf('/api/costs', { GET: viewer() }),
  ...rulesOf('/api/tokens/invariants', { GET: viewer() }),
  ...rulesOf('/api/tokens/{id}/cost', { GET: viewer() }),
  ...rulesOf('/v1/logs', { POST: operator(['agent:tokens'], OTLP) }),
  ...rulesOf('/v1/traces', { POST: operator(['agent:tokens'], OTLP) }),
  ...rulesOf('/api/tokens/{id}/correct', { POST: operator() }),
  ...rulesOf('/api/tokens/{id}/void', { POST: operator() }),
  ...rulesOf('/api/tokens/by-agent', { GET: viewer() }),
  ...rulesOf('/api/callbacks/{agent}', { POST: open({ body: 'raw', bodyLimit: CALLBACK_LIMIT }) }),
  ...rulesOf('/api/webhooks/agent-completion', { POST: open({ body: 'raw', bodyLimit: CALLBACK_LIMIT }) }),
  ...rulesOf('/api/webhooks', { GET: admin(), POST: admin(), PUT: admin(), DELETE: admin() }),
  ...rulesOf('/api/webhooks/deliveries', { GET: admin() }),
  ...rulesOf('/api/webhooks/balance', { GET: admin() }),
  ...rulesOf('/api/webhooks/test', { POST: admin() }),
  ...rulesOf('/api/webhooks/retry', { POST: admin() }),
  ...rulesOf('/api/webhooks/replay', { POST: admin() }),
  ...rulesOf('/api/webhooks/verify-docs', { GET: viewer() }),
  ...rulesOf('/api/agents/{id}/callback-secrets', { GET: admin(), POST: admin(), PUT: admin(), DELETE: admin() }),
  ...rulesOf('/api/projects', { GET: viewer(), POST: operator() }),
  // Deleting for good needs an admin: the route itself asks for that.
  ...rulesOf('/api/projects/{id}', { GET: viewer(), PATCH: operator(), DELETE: operator() }),
  ...rulesOf('/api/projects/{id}/tasks', { GET: viewer() }),
  ...rulesOf('/api/projects/{id}/agents', { GET: viewer(), POST: operator(), DELETE: operator() }),
  ...rulesOf('/api/tokens/rotate', { GET: admin(), POST: admin() }),
  ...rulesOf('/api/agents/{id}/keys', { GET: admin(), POST: admin(), DELETE: admin() }),
  ...rulesOf('/api/keys', { GET: admin(), POST: admin(), DELETE: admin() }),
  ...rulesOf('/api/notifications', {
    GET: viewer(['agent:self', 'agent:messages']),
    POST: operator(['agent:messages']),
    PUT: operator(['agent:messages']),
    DELETE: admin(),
  }),
  ...rulesOf('/api/activities', { GET: viewer(['agent:self']) }),
  ...rulesOf('/api/mentions', { GET: viewer() }),
  ...rulesOf('/api/budgets', { GET: viewer(), POST: admin() }),
  ...rulesOf('/api/budgets/{id}', { GET: viewer(), PUT: admin(), DELETE: admin() }),
  ...rulesOf('/api/prices', { GET: viewer(), PUT: admin({ bodyLimit: 512 * KIB }) }),
  ...rulesOf('/api/prices/history', { GET: viewer() }),
  ...rulesOf('/api/prices/repricing', { GET: viewer() }),
  ...rulesOf('/api/prices/refresh', { POST: admin() }),
  ...rulesOf('/api/prices/overrides', { DELETE: admin() }),
  ...rulesOf('/api/audit/events', { GET: admin({ auditor: true }) }),
  ...rulesOf('/api/projections', { GET: admin() }),
  ...rulesOf('/api/status', { GET: viewer([], { publicAction: 'health' }) }),
  ...rulesOf('/api/index', { GET: viewer() }),
  ...rulesOf('/metrics', { GET: viewer() }),
  ...rulesOf('/api/health', { GET: open() }),
  ...rulesOf('/api/health/ready', { GET: open() }),
  ...rulesOf('/api/docs', { GET: open() }),
  ...rulesOf('/api/docs/assets/{file}', { GET: open() }),
  ...rulesOf('/api/openapi.json', { GET: open() }),
];

/** The table by route, as the router names them (`/api/agents/:id`). */
export class AccessTable {
  private readonly byRoute = new Map<string, AccessRule>();

  /** Throws when two rules speak about the same method of the same path. */
  constructor(readonly rules: readonly AccessRule[]) {
    for (const rule of rules) {
      const key = `${rule.method} ${routerPath(rule.path)}`;
      if (this.byRoute.has(key)) throw new Error(`the access table has two rules for ${key}`);
      this.byRoute.set(key, rule);
    }
  }

  /** Throws for a route that the table does not know: it must not start. */
  ruleFor(method: string, url: string): AccessRule {
    const rule = this.byRoute.get(`${method} ${url}`);
    if (rule === undefined) throw new Error(`route ${method} ${url} is missing from the access table`);
    return rule;
  }
}

/** `/api/agents/{id}` → `/api/agents/:id`. */
export function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
