import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentScopes, type AccessRule, type AgentScope } from '../../src/platform/auth/access-rule.js';
import { accessRules } from '../../src/platform/auth/access-table.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { keyHeader, testKeys } from '../support/http-app.js';
import { openStream, type SseStream } from '../support/sse-client.js';

/** In the name, the tool, the titles and the texts of everything that is not the key's own. */
const FOREIGN = 'zebra';

let application: Application;
let own: Side;
let foreign: Side;
const keys = new Map<string, string>();
const open: SseStream[] = [];

/** An agent with everything that an agent can have. */
interface Side {
  readonly name: string;
  readonly agentId: number;
  readonly connectionId: string;
  readonly taskId: number;
  readonly doneTaskId: number;
  readonly usageId: string;
}

beforeAll(async () => {
  application = await startApplication();
  own = await side('ant');
  foreign = await side(FOREIGN);
  for (const scopes of [...agentScopes.map((scope) => [scope]), [...agentScopes]]) {
    keys.set(scopes.join(), await keyOf(own, scopes));
  }
}, 120_000);

afterAll(async () => {
  for (const stream of open) stream.cut();
  await application.close();
}, 60_000);

const call = (method: string, path: string, body?: unknown, key?: string) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key }) });

async function side(name: string): Promise<Side> {
  const connected = await call('POST', '/api/connect', { agent_name: name, tool_name: `tool of ${name}` });
  const { agent_id: agentId, connection_id: connectionId } = connected.body;
  const task = await call('POST', '/api/tasks', { title: `work of ${name}`, assigned_to: name });
  const taskId = task.body.task.id;
  await call('POST', `/api/tasks/${taskId}/comments`, { content: `a word about ${name}, @${name}` });
  const done = await call('POST', '/api/tasks', { title: `done by ${name}`, assigned_to: name, status: 'done' });
  const usage = { model: `model of ${name}`, sessionId: `${name}:cli`, inputTokens: 7, outputTokens: 7, taskId };
  const reported = await call('POST', '/api/tokens', usage);
  return { name, agentId, connectionId, taskId, doneTaskId: done.body.task.id, usageId: reported.body.record.id };
}

async function keyOf({ agentId }: Side, scopes: readonly string[]): Promise<string> {
  const answer = await call('POST', `/api/agents/${agentId}/keys`, { scopes, expires_at: null });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body.api_key;
}

/** Does the table let a key with these scopes in at all? */
function isLetIn({ role, agentScopes: needed }: AccessRule, scopes: readonly AgentScope[]): boolean {
  if (needed.some((scope) => scopes.includes(scope))) return true;
  if (role === 'viewer') return scopes.includes('viewer') || scopes.includes('operator');
  return role === 'operator' && scopes.includes('operator');
}

function pathOf({ path }: AccessRule, side: Side): string {
  const [, , kind = ''] = path.split('/');
  const ids: Readonly<Record<string, number | string>> = {
    agents: side.agentId,
    tasks: side.taskId,
    tokens: side.usageId,
  };
  return path.replace(/\{\w+\}/, String(ids[kind] ?? 1));
}

/** Everything by which a request may name somebody: what a route does not know it ignores. */
function queryFor({ name, taskId }: Side): string {
  return `?agent=${name}&recipient=${name}&assigned_to=${name}&taskId=${taskId}&taskIds=${taskId}&q=${name.slice(0, 3)}&agent_name=${name}`;
}

/** The body that fits a route; the rest is ignored. */
function bodyFor({ method, path }: AccessRule, { name, connectionId, taskId }: Side): object {
  const status: Readonly<Record<string, string>> = { 'POST /api/quality-review': 'approved' };
  return {
    name,
    agent_name: name,
    agent: name,
    recipient: name,
    assigned_to: name,
    tool_name: 'tool',
    role: 'coder',
    connection_id: connectionId,
    sessionId: `${name}:cli`,
    model: 'model',
    inputTokens: 1,
    outputTokens: 1,
    title: 'title',
    content: 'content',
    message: 'message',
    notes: 'notes',
    reason: 'reason',
    reviewer: name,
    working_memory: 'memory',
    soul_content: 'soul',
    action: 'mark-delivered',
    markAllRead: true,
    taskId,
    tasks: [{ id: taskId, status: 'failed' }],
    key_id: 1,
    ...(status[`${method} ${path}`] === undefined ? {} : { status: status[`${method} ${path}`] }),
  };
}

function ask(rule: AccessRule, side: Side, key: string): Promise<Answer> {
  const { method } = rule;
  const body = method === 'GET' ? undefined : bodyFor(rule, side);
  return call(
    method,
    `${pathOf(rule, side)}${method === 'GET' || method === 'DELETE' ? queryFor(side) : ''}`,
    body,
    key,
  );
}

/** Facts that this agent's keys have caused. */
async function caused(): Promise<number> {
  return (await application.log()).filter(
    ({ metadata: { actor } }) => actor.kind === 'agent' && actor.id === String(own.agentId),
  ).length;
}

const isStream = ({ method, path }: AccessRule) => method === 'GET' && path === '/api/events';
/** An exporter is answered 200 and told how many records were refused: a spec of their own says which. */
const isExport = ({ path }: AccessRule) => path.startsWith('/v1/');
const isTicket = ({ path }: AccessRule) => path === '/api/events/ticket';
const guarded = accessRules.filter((rule) => rule.role !== 'public' && !isStream(rule) && !isExport(rule));
const routes = guarded.map((rule) => [`${rule.method} ${rule.path}`, rule] as const);
const credentials = [...agentScopes.map((scope) => [scope] as const), agentScopes];

describe('[KEY-1] an agent’s key, whatever its scopes, at another agent’s things', () => {
  it.each(routes)('%s', async (_, rule) => {
    const before = await caused();
    for (const scopes of credentials) {
      const answer = await ask(rule, foreign, keys.get(scopes.join()) ?? '');
      const told = { scopes: scopes.join(), status: answer.status, text: JSON.stringify(answer.body) };
      if (!isLetIn(rule, scopes)) {
        expect(told).toMatchObject({
          status: 403,
          text: expect.stringMatching(/"Requires (scope agent:|\w+ role or higher)/),
        });
      } else if (rule.method !== 'GET' && !isTicket(rule)) {
        expect({ ...told, isRefused: [403, 404].includes(told.status) }).toMatchObject({ isRefused: true });
      } else {
        expect(told.status).toBeLessThan(500);
      }
      expect(told).toMatchObject({ text: expect.not.stringContaining(FOREIGN) });
    }
    expect(await caused()).toBe(before);
  });
});

describe('an admin', () => {
  it.each([
    '/api/agents',
    '/api/connect',
    '/api/tasks',
    '/api/tasks/outcomes?timeframe=all',
    '/api/tokens',
    '/api/tokens?action=stats',
    '/api/tokens?action=agent-costs',
    '/api/tokens?action=task-costs',
    '/api/tokens?action=export',
    '/api/costs?groupBy=agent,session',
    '/api/tokens/by-agent',
    `/api/notifications?recipient=${FOREIGN}`,
    '/api/activities',
    '/api/mentions',
  ])('finds in %s what is kept from the keys of agents', async (path) => {
    expect(JSON.stringify((await call('GET', path)).body)).toContain(FOREIGN);
    const { body } = await call('GET', path, undefined, keys.get(agentScopes.join()));
    expect(JSON.stringify(body)).not.toContain(FOREIGN);
  });
});

describe('what happens to keys', () => {
  it('is in the feed of admins alone', async () => {
    const feed = async (key?: string) => JSON.stringify((await call('GET', '/api/activities', undefined, key)).body);
    expect(await feed()).toContain('key_issued');
    for (const key of [testKeys.viewer, testKeys.operator, keys.get(agentScopes.join())]) {
      expect(await feed(key)).not.toContain('key_issued');
    }
  });
});

describe('an agent’s key at its own agent’s things', () => {
  const all = () => keys.get(agentScopes.join()) ?? '';

  it.each([
    ['/api/agents', 'agents'],
    ['/api/connect', 'connections'],
    ['/api/tasks', 'tasks'],
    ['/api/tokens', 'usage'],
    ['/api/tokens/by-agent', 'agents'],
  ])('GET %s lists them, and nothing else', async (path, field) => {
    const { status, body } = await call('GET', path, undefined, all());
    expect(status).toBe(200);
    expect(body[field].length).toBeGreaterThan(0);
    expect(JSON.stringify(body)).toContain('ant');
    expect(JSON.stringify(body)).not.toContain(FOREIGN);
    if ('total' in body) expect(body.total).toBe(body[field].length);
  });

  it.each([
    ['agent:self', 'GET', () => `/api/agents/${own.agentId}`, 200],
    ['agent:self', 'GET', () => `/api/tasks/${own.taskId}`, 200],
    ['agent:heartbeat', 'GET', () => `/api/agents/ant/heartbeat`, 200],
    ['agent:heartbeat', 'POST', () => `/api/agents/ant/heartbeat`, 200],
    ['agent:tokens', 'POST', () => '/api/tokens', 200],
    ['agent:tasks', 'GET', () => '/api/tasks/queue?agent=ant', 200],
    ['agent:heartbeat', 'POST', () => '/api/connect', 200],
  ] as readonly (readonly [AgentScope, string, () => string, number])[])(
    '%s lets it %s',
    async (scope, method, path, status) => {
      const body = {
        agent_name: 'ant',
        tool_name: 't',
        model: 'm',
        sessionId: 'ant:x',
        inputTokens: 1,
        outputTokens: 1,
      };
      const answer = await call(method, path(), method === 'GET' ? undefined : body, keys.get(scope));
      expect(answer).toMatchObject({ status });
    },
  );

  it('may not beat over a connection of somebody else, and learns nothing of it', async () => {
    const before = await caused();
    const answer = await call('POST', '/api/agents/ant/heartbeat', { connection_id: foreign.connectionId }, all());
    expect(answer).toMatchObject({ status: 409, body: { connection_status: 'unknown' } });
    expect(await caused()).toBe(before);
  });

  it('says the same of what belongs to another agent and of what never was', async () => {
    const pairs = [
      [`/api/agents/${foreign.agentId}`, '/api/agents/99999'],
      [`/api/agents/${FOREIGN}`, '/api/agents/nobody'],
      [`/api/agents/${FOREIGN}/heartbeat`, '/api/agents/nobody/heartbeat'],
      [`/api/tasks/${foreign.taskId}`, '/api/tasks/99999'],
    ] as const;
    for (const [theirs, nobodys] of pairs) {
      const [one, other] = [await call('GET', theirs, undefined, all()), await call('GET', nobodys, undefined, all())];
      expect([one.status, one.body]).toEqual([other.status, other.body]);
      expect(one.status).toBe(403);
    }
  });
});

describe('an agent’s key at the event stream', () => {
  it('sees the facts of its own agent, live and in history, by header and by ticket', async () => {
    const key = keys.get('agent:self') ?? '';
    const base = `${application.urls[0]}/api/events`;
    const { body } = await call('POST', '/api/events/ticket', { from: 'earliest' }, key);
    const streams = await Promise.all([
      openStream(`${base}?from=earliest`, { headers: keyHeader(key) }),
      openStream(`${base}?from=earliest&agent=${FOREIGN}`, { headers: keyHeader(key) }),
      openStream(`${application.urls[0]}${body.url}`),
    ]);
    open.push(...streams);
    for (const name of [FOREIGN, 'ant']) {
      await call('POST', '/api/tasks', { title: `more for ${name}`, assigned_to: name });
      await call('POST', '/api/connect', { agent_name: name, tool_name: `again ${name}` });
    }
    const [all, others, byTicket] = streams;
    for (const stream of [all, byTicket]) {
      await eventually('the last fact', () => stream?.facts.some(({ data }) => data.includes('again ant')));
    }
    for (const stream of streams) {
      expect(stream.facts.filter(({ data }) => data.includes(FOREIGN))).toEqual([]);
    }
    expect(all?.facts.some(({ data }) => data.includes('work of ant'))).toBe(true);
    expect(others?.facts).toEqual([]);
  });

  it('needs a scope for it', async () => {
    for (const scope of ['agent:tokens', 'agent:tasks', 'agent:messages'] as const) {
      expect(await call('GET', '/api/events', undefined, keys.get(scope))).toMatchObject({
        status: 403,
        body: { error: 'Requires scope agent:self' },
      });
    }
  });
});
