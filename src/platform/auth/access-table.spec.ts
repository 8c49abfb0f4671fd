import { Controller, Get } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AgentKey, keyHeader, startHttpApp, testKeys } from '../../../test/support/http-app.js';
import { stubController } from '../../../test/support/stub-controller.js';
import type { AccessRule } from './access-rule.js';
import { AccessTable, accessRules, rulesOf } from './access-table.js';

const agentKey = (agentId: number, ...scopes: string[]): AgentKey => ({
  key: `agent-key-number-${agentId}-abcdefgh`,
  agentId,
  agentName: `bot-${agentId}`,
  scopes,
});
const agentKeys = [
  agentKey(1, 'agent:heartbeat'),
  agentKey(2, 'agent:self'),
  agentKey(3, 'viewer'),
  agentKey(4, 'operator'),
  agentKey(5, 'agent:tokens'),
  agentKey(6),
  agentKey(7, 'auditor'),
];

type Credential = readonly [string, Record<string, string>, (rule: AccessRule) => number];
const strength = { public: 0, viewer: 1, operator: 2, admin: 3 };
const byRole =
  (role: keyof typeof testKeys) =>
  (rule: AccessRule): number =>
    strength[role] >= strength[rule.role] ? 200 : 403;

const credentials: readonly Credential[] = [
  ['no key', {}, () => 401],
  ['a malformed key', keyHeader('with a blank in the middle'), () => 401],
  ['an unknown key', keyHeader('unknown-key-abcdefghijklmno'), () => 401],
  ['a key with a wrong checksum', keyHeader('mck_000000000000000000000000000000000000'), () => 401],
  ['the viewer', keyHeader(testKeys.viewer), byRole('viewer')],
  ['the operator', { authorization: `Bearer ${testKeys.operator}` }, byRole('operator')],
  ['the admin', { authorization: `ApiKey ${testKeys.admin}` }, byRole('admin')],
  ...agentKeys.map(({ key, scopes }): Credential => [
    `an agent key with [${scopes.join()}]`,
    keyHeader(key),
    agentCell(scopes),
  ]),
];

function agentCell(scopes: readonly string[]) {
  return (rule: AccessRule): number => {
    const byScope = rule.agentScopes.some((scope) => scopes.includes(scope));
    const asViewer = rule.role === 'viewer' && scopes.some((scope) => scope === 'viewer' || scope === 'operator');
    const asOperator = rule.role === 'operator' && scopes.includes('operator');
    return byScope || asViewer || asOperator ? 200 : 403;
  };
}

describe('KEY-1: who may use which route', () => {
  const stub = stubController(accessRules.filter(({ path }) => path !== '/metrics'));
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const config = { trustedProxies: ['127.0.0.1'] };
    app = await startHttpApp({ controllers: [stub], rules: accessRules, agentKeys, config });
  });
  afterAll(() => app.close());

  let addresses = 0;
  const guarded = accessRules.filter((rule) => rule.role !== 'public');
  describe.each(guarded.map((rule) => [`${rule.method} ${rule.path}`, rule] as const))('%s', (_, rule) => {
    const url = rule.path.replace('{id}', '42').replace('{file}', 'x');

    it.each(credentials)('is judged for %s, with a good and with a broken body', async (_name, credential, cell) => {
      // An address of its own for each cell: wrong keys are counted by address.
      const headers = { ...credential, 'x-forwarded-for': `2001:db8:${(addresses += 1).toString(16)}::1` };
      const expected = cell(rule);
      for (const payload of ['{}', '{"broken']) {
        const before = stub.reached;
        const body = rule.method === 'GET' ? {} : { payload, headers: { ...headers, 'content-type': 'text/plain' } };
        const answer = await app.inject({ method: rule.method, url, headers, ...body });
        const broken = payload !== '{}' && rule.method !== 'GET';
        expect(answer.statusCode).toBe(expected === 200 && broken ? 400 : expected);
        if (answer.statusCode !== 200) expect(stub.reached).toBe(before);
        if (expected === 401) expect(answer.json()).toEqual({ error: 'Authentication required' });
        if (expected === 403) expect(answer.json().error).toMatch(/^Requires (?:scope agent:|\w+ role or higher$)/);
      }
    });

    it('answers HEAD and OPTIONS like a stranger is answered', async () => {
      for (const method of ['HEAD', 'OPTIONS'] as const) {
        expect((await app.inject({ method, url })).statusCode).toBe(401);
      }
    });
  });

  it('lists these public routes and no others', async () => {
    const open = accessRules.filter(({ role }) => role === 'public');
    expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/callbacks/{agent}',
      'POST /api/webhooks/agent-completion',
      'GET /api/health',
      'GET /api/health/ready',
      'GET /api/docs',
      'GET /api/docs/assets/{file}',
      'GET /api/openapi.json',
    ]);
    for (const { method, path } of open) {
      const url = path.replace(/\{\w+\}/, 'x');
      const body = method === 'GET' ? {} : { payload: '{}', headers: { 'content-type': 'application/json' } };
      expect([200, 201]).toContain((await app.inject({ method, url, ...body })).statusCode);
    }
  });

  it('opens /api/status to everybody for the health action only', async () => {
    expect((await app.inject({ url: '/api/status?action=health' })).statusCode).toBe(200);
    expect((await app.inject({ url: '/api/status?action=overview' })).statusCode).toBe(401);
    expect((await app.inject({ url: '/api/status?action=health&action=overview' })).statusCode).toBe(401);
  });

  it('lets the scope auditor of a key that is not admin into the audit', () => {
    const rule = accessRules.find(({ path }) => path === '/api/audit/events');
    expect(rule?.auditor).toBe(true);
  });
});

describe('the access table', () => {
  @Controller()
  class Forgotten {
    @Get('/api/forgotten')
    read() {
      return {};
    }
  }

  it('fails the start over a route that it does not know', async () => {
    const start = startHttpApp({ controllers: [Forgotten], rules: rulesOf('/metrics', { GET: { role: 'viewer' } }) });
    await expect(start).rejects.toThrow('route GET /api/forgotten is missing from the access table');
  });

  it('refuses two rules for one route', () => {
    const rules = rulesOf('/api/x/{id}', { GET: {} });
    expect(() => new AccessTable([...rules, ...rules])).toThrow('two rules');
  });

  it('gives a method that says nothing to admins only', () => {
    expect(rulesOf('/api/x', { POST: {} })[0]).toMatchObject({ role: 'admin', agentScopes: [], limit: 'command' });
  });
});
