import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { allProjections } from '../../projections/all.projections.js';
import { accessRules } from '../../src/platform/auth/access-table.js';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  await application.call('POST', '/api/connect', { body: { tool_name: 't', agent_name: 'seen' } });
});

afterAll(async () => {
  await application.close();
});

/** Without any credential. */
const anonymous = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${application.urls[0]}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
};
const get = (path: string, key?: string) => application.call('GET', path, key === undefined ? {} : { key });

describe('health', () => {
  it('is public, and asks no dependency', async () => {
    const { status, text } = await anonymous('/api/health');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({ status: 'ok', ts: expect.any(Number) });
  });

  it('says when it is ready, with every projection', async () => {
    const { status, text } = await anonymous('/api/health/ready');
    expect(status).toBe(200);
    const body = JSON.parse(text) as { projections: { name: string }[] };
    expect(body).toEqual({
      status: 'ready',
      checks: { event_store: 'ok', postgres: 'ok' },
      projections: expect.any(Array),
      ts: expect.any(Number),
    });
    expect(body.projections.map(({ name }) => name).toSorted()).toEqual(
      allProjections.map(({ name }) => name).toSorted(),
    );
    for (const each of body.projections) {
      expect(each).toMatchObject({
        state: expect.stringMatching(/^(live|catching_up|rebuilding|halted)$/),
        lagEvents: expect.any(Number),
        lagSeconds: expect.any(Number),
      });
    }
  });

  it('is part of the status, the only part that is public', async () => {
    const { status, text } = await anonymous('/api/status?action=health');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      status: 'healthy',
      version: expect.any(String),
      uptime: expect.any(Number),
      checks: expect.arrayContaining([{ name: 'postgres', status: 'ok', message: expect.any(String) }]),
      timestamp: expect.any(Number),
    });
    for (const action of ['', '?action=overview', '?action=capabilities', '?action=health&action=overview']) {
      expect((await anonymous(`/api/status${action}`)).status).toBe(401);
    }
    for (const action of ['overview', 'dashboard', 'capabilities', 'models']) {
      expect(await get(`/api/status?action=${action}`, testKeys.viewer)).toMatchObject({ status: 200 });
    }
    expect(await get('/api/status?action=secrets')).toMatchObject({ status: 400 });
  });
});

describe('operators', () => {
  it('see the projections as admins, and the figures as viewers', async () => {
    expect(await get('/api/projections', testKeys.operator)).toMatchObject({ status: 403 });
    const { body } = await get('/api/projections');
    expect(body.projections).toHaveLength(allProjections.length);
    expect(body.projections[0]).toMatchObject({ name: expect.any(String), state: expect.any(String) });
    expect((await anonymous('/metrics')).status).toBe(401);
    const metrics = await get('/metrics', testKeys.viewer);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(metrics.body).toMatch(/^# TYPE /m);
    for (const secret of Object.values(testKeys)) expect(metrics.body).not.toContain(secret);
  });

  it('find every route of the table in the index and in the document', async () => {
    const index = await get('/api/index', testKeys.viewer);
    expect(index.body).toMatchObject({
      version: expect.any(String),
      event_stream: { path: '/api/events', protocol: 'SSE', description: expect.any(String) },
      docs: { openapi: '/api/docs' },
    });
    const paths = [...new Set(accessRules.map(({ path }) => path))].toSorted();
    expect(index.body.endpoints.map(({ path }: { path: string }) => path).toSorted()).toEqual(paths);
    expect(index.body.total_endpoints).toBe(paths.length);
    expect(index.body.endpoints[0]).toMatchObject({
      methods: expect.any(Array),
      tag: expect.any(String),
      description: expect.any(String),
      auth: expect.any(String),
    });
    const document = JSON.parse((await anonymous('/api/openapi.json')).text) as { openapi: string; info: object };
    expect(document).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), info: { title: 'Mission Control API' } });
    expect(JSON.parse((await anonymous('/api/docs')).text)).toEqual(document);
    const page = await anonymous('/api/docs', { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toContain('text/html');
  });
});

describe('every route of the table', () => {
  it.each(accessRules.filter(({ role }) => role !== 'public').map(({ method, path }) => [method, path]))(
    '%s %s answers 401 without a key, in the one shape',
    async (method, path) => {
      const { status, headers, text } = await anonymous(path.replace(/\{\w+\}/, 'seen'), { method });
      expect(status).toBe(401);
      expect(JSON.parse(text)).toEqual({ error: 'Authentication required' });
      expect(headers.get('x-request-id')).toMatch(/./);
    },
  );

  const roles = ['viewer', 'operator', 'admin'] as const;
  const rank = (role: string) => roles.findIndex((each) => each === role);
  it.each(accessRules.filter(({ role }) => rank(role) > 0).map((rule) => [rule.method, rule.path, rule.role] as const))(
    '%s %s is refused below %s, before its body is looked at',
    async (method, path, role) => {
      for (const lower of roles.slice(0, rank(role))) {
        const answer = await application.call(method, path.replace(/\{\w+\}/, 'nobody'), {
          key: testKeys[lower],
          ...(method === 'GET' ? {} : { body: '{broken' }),
        });
        expect(answer).toMatchObject({ status: 403 });
        expect(answer.body.error).toMatch(new RegExp(`^Requires ${role} role`));
      }
    },
  );
});

describe('the order of checks', () => {
  it('asks who before what: an unknown path is 401 without a key and 404 with one', async () => {
    expect((await anonymous('/api/nothing')).status).toBe(401);
    expect(await get('/api/nothing')).toMatchObject({ status: 404, body: { error: 'Not found' } });
  });

  it('looks at the schema before it looks for the agent', async () => {
    for (const [method, path, body] of [
      ['POST', '/api/agents/nobody/heartbeat', { ack: 'x' }],
      ['PUT', '/api/agents/nobody', { role: 5 }],
      ['PUT', '/api/agents', { name: 'nobody' }],
    ] as const) {
      expect(await application.call(method, path, { body })).toMatchObject({ status: 400 });
    }
  });

  it('refuses what the headers give away', async () => {
    const answerTo = async (headers: Record<string, string>, query = '') =>
      application.call('POST', `/api/connect${query}`, { headers, body: { tool_name: 't', agent_name: 'seen' } });
    expect(await answerTo({ origin: 'https://elsewhere.example' })).toMatchObject({ status: 403 });
    expect(await answerTo({ authorization: 'Bearer another-key-of-some-kind' })).toMatchObject({ status: 400 });
    expect(await answerTo({ 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect(await answerTo({}, '?api_key=x')).toMatchObject({ status: 401 });
    expect(await answerTo({}, `?q=${'x'.repeat(9_000)}`)).toMatchObject({ status: 431 });
  });

  it('takes a body of 1 MiB at most, however its length is told', async () => {
    const large = JSON.stringify({ tool_name: 't', agent_name: 'seen', metadata: { a: 'x'.repeat(1024 * 1024) } });
    expect(await application.call('POST', '/api/connect', { body: large })).toMatchObject({ status: 413 });
    const chunked = await new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(application.urls[0] ?? '');
      const headers = { 'x-api-key': testKeys.admin, 'transfer-encoding': 'chunked' };
      const call = request({ hostname, port, method: 'POST', path: '/api/connect', headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on('error', reject);
      call.write(large);
      call.end();
    });
    expect(chunked).toBe(413);
  });
});
