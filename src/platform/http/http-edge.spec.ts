import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IsInt, IsString, Length, Min } from 'class-validator';
import { keyHeader, startHttpApp, testKeys } from '../../../test/support/http-app.js';
import { rulesOf } from '../auth/access-table.js';
import { OutcomeUnknown, StoreUnavailable } from '../event-store/event-store.errors.js';
import { compiledBody } from './compiled-body.js';
import { conflict } from './errors.js';
import { pageOf, type Query as QueryValues } from './list-query.js';
import { type Caller, CurrentCaller } from './request-context.js';

class NewThing {
  @IsString()
  @Length(1, 10)
  title!: string;

  @IsInt()
  @Min(1)
  size!: number;
}

const failures: Readonly<Record<string, () => Error>> = {
  unknown: () => new OutcomeUnknown('agent-1'),
  store: () => new StoreUnavailable('gone'),
  database: () => Object.assign(new Error('the database system is shutting down'), { code: '57P01' }),
  conflict: () => conflict('Connection is no longer active', { connection_status: 'superseded' }),
  bug: () => new TypeError('secret detail'),
};

@Controller()
class Things {
  @Get('/api/things')
  list(@Query() query: QueryValues) {
    return pageOf(query);
  }

  @Post('/api/things')
  add(@Body() body: NewThing) {
    return { title: body.title, size: body.size, fields: Object.keys(body) };
  }

  @Get('/api/things/:id')
  read(@Param('id') id: string) {
    return { id };
  }

  @Put('/api/things/:id')
  change(@Body(compiledBody({ type: 'object', properties: { n: { type: 'integer' } } })) body: unknown) {
    return { body };
  }

  @Post('/api/lines')
  @HttpCode(200)
  lines(@Body() body: unknown) {
    return { kind: Buffer.isBuffer(body) ? 'bytes' : typeof body };
  }

  @Get('/api/fail/:how')
  fail(@Param('how') how: string) {
    throw failures[how]?.() ?? new Error('?');
  }

  @Get('/api/who')
  who(@CurrentCaller() caller: Caller) {
    return {
      name: caller.principal.actor.name,
      as: caller.principal.attributedTo,
      from: caller.clientAddress,
      correlationId: caller.correlationId,
      traceparent: caller.traceparent,
    };
  }

  @Get('/api/stream')
  stream() {
    return {};
  }

  @Get('/page')
  page() {
    return 'hello';
  }
}

const viewer = { role: 'viewer' } as const;
const rules = [
  ...rulesOf('/api/things', { GET: viewer, POST: viewer }),
  ...rulesOf('/api/things/{id}', { GET: viewer, PUT: viewer }),
  ...rulesOf('/api/lines', { POST: { ...viewer, body: 'json-or-ndjson', bodyLimit: 100 } }),
  ...rulesOf('/api/fail/{how}', { GET: viewer }),
  ...rulesOf('/api/who', { GET: viewer }),
  ...rulesOf('/api/stream', { GET: { ...viewer, head: false } }),
  ...rulesOf('/page', { GET: { role: 'public' } }),
  ...rulesOf('/metrics', { GET: viewer }),
];

const key = keyHeader(testKeys.viewer);

describe('the edge', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const config = { corsOrigins: ['https://board.example'], trustedProxies: ['127.0.0.1'] };
    app = await startHttpApp({ controllers: [Things], rules, config });
  });
  afterAll(() => app.close());

  const refused = async (options: Parameters<typeof app.inject>[0]) => {
    const answer = await app.inject(options as object);
    return [answer.statusCode, answer.json()] as const;
  };

  describe('routes', () => {
    it('authenticates before it routes', async () => {
      expect(await refused({ url: '/api/nothing' })).toEqual([401, { error: 'Authentication required' }]);
      expect(await refused({ url: '/api/nothing', headers: key })).toEqual([404, { error: 'Not found' }]);
      expect(await refused({ url: '/nothing' })).toEqual([404, { error: 'Not found' }]);
    });

    it('says 405 and Allow for a known path with another method', async () => {
      for (const method of ['DELETE', 'PATCH', 'OPTIONS'] as const) {
        const answer = await app.inject({ method, url: '/api/things/1', headers: key });
        expect([answer.statusCode, answer.headers['allow']]).toEqual([405, 'GET, HEAD, PUT']);
        expect(answer.json()).toEqual({ error: 'Method not allowed' });
        expect((await app.inject({ method, url: '/api/things/1' })).statusCode).toBe(401);
      }
    });

    it('answers HEAD like GET without a body, but not where a GET opens a stream', async () => {
      const head = await app.inject({ method: 'HEAD', url: '/api/things/1', headers: key });
      expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([200, '', '10']);
      const stream = await app.inject({ method: 'HEAD', url: '/api/stream', headers: key });
      expect([stream.statusCode, stream.headers['allow']]).toEqual([405, 'GET']);
    });

    it.each(['/API/things', '/api/Things', '/api//things', '/api/things/', '//api/things', '/api/things;x'])(
      'does not know %s',
      async (url) => {
        expect((await app.inject({ url, headers: key })).statusCode).toBe(404);
      },
    );

    it('judges an encoded path like the route that it reaches', async () => {
      expect((await app.inject({ url: '/api/%74hings' })).statusCode).toBe(401);
      expect((await app.inject({ url: '/api/%74hings', headers: key })).statusCode).toBe(200);
    });

    it.each(['/api/%zz', '/api/things/%', '/api/things/%c0%80', '/api/things/%ed%a0%80'])(
      'refuses the malformed path %s with 400, after the credentials',
      async (url) => {
        expect(await refused({ url, headers: key })).toEqual([400, { error: 'Invalid path' }]);
        expect((await app.inject({ url })).statusCode).toBe(401);
      },
    );

    it('refuses NUL in a path and in a query', async () => {
      expect((await app.inject({ url: '/api/things/a%00b', headers: key })).statusCode).toBe(400);
      expect((await app.inject({ url: '/api/things?q=%00', headers: key })).statusCode).toBe(400);
    });

    it('hands on hostile names decoded once', async () => {
      for (const name of ['a/b', '..', '%2F', '$all', '__proto__', 'é', '-']) {
        const answer = await app.inject({ url: `/api/things/${encodeURIComponent(name)}`, headers: key });
        if (name !== '..') expect([name, answer.json()]).toEqual([name, { id: name }]);
      }
    });

    it('treats a very long name as a name that nobody has', async () => {
      expect((await app.inject({ url: `/api/things/${'x'.repeat(9000)}`, headers: key })).statusCode).toBe(200);
    });
  });

  describe('credentials', () => {
    it.each(['api_key', 'apikey', 'api-key', 'x-api-key', 'access_token', 'token', 'TOKEN', '%74oken'])(
      'refuses a key in the query as %s, even beside a good header, even on a public route',
      async (name) => {
        const url = `/api/who?${name}=${testKeys.viewer}`;
        expect(await refused({ url, headers: key })).toEqual([401, { error: 'Authentication required' }]);
        expect((await app.inject({ url: `/page?a=1&${name}=x` })).statusCode).toBe(401);
      },
    );

    it('takes two headers with the same key and refuses two different ones', async () => {
      const same = { ...key, authorization: `Token ${testKeys.viewer}` };
      expect((await app.inject({ url: '/api/who', headers: same })).statusCode).toBe(200);
      const other = { ...key, authorization: `Bearer ${testKeys.admin}` };
      expect(await refused({ url: '/api/who', headers: other })).toEqual([400, { error: 'Conflicting credentials' }]);
    });

    it('ignores schemes that carry no key beside a key', async () => {
      const headers = { ...key, authorization: 'Basic dXNlcjpwYXNz' };
      expect((await app.inject({ url: '/api/who', headers })).statusCode).toBe(200);
      expect((await app.inject({ url: '/api/who', headers: { authorization: 'Basic dXNlcjpwYXNz' } })).statusCode).toBe(
        401,
      );
    });

    it('keeps x-agent-name as attribution, in UTF-8', async () => {
      const name = Buffer.from('Zoë').toString('latin1');
      const answer = await app.inject({ url: '/api/who', headers: { ...key, 'x-agent-name': name } });
      expect(answer.json()).toMatchObject({ name: 'viewer of the test', as: 'Zoë' });
      const bad = { ...key, 'x-agent-name': 'x'.repeat(300) };
      expect(await refused({ url: '/api/who', headers: bad })).toEqual([400, { error: 'Invalid x-agent-name' }]);
    });

    it('answers ten wrong keys a minute with 401, more with 429, and a good key from there all the while', async () => {
      const headers = { ...keyHeader('wrong-key-abcdefghijklmnop'), 'x-forwarded-for': '203.0.113.7' };
      const statuses: number[] = [];
      for (let i = 0; i < 12; i += 1) statuses.push((await app.inject({ url: '/api/who', headers })).statusCode);
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
      const limited = await app.inject({ url: '/api/who', headers });
      expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
      expect(limited.json()).toEqual({ error: 'Too many requests. Please try again later.' });
      const good = await app.inject({ url: '/api/who', headers: { ...key, 'x-forwarded-for': '203.0.113.7' } });
      expect(good.json()).toMatchObject({ from: '203.0.113.7' });
      const elsewhere = { ...headers, 'x-forwarded-for': '203.0.113.8' };
      expect((await app.inject({ url: '/api/who', headers: elsewhere })).statusCode).toBe(401);
    });
  });

  describe('hosts and origins', () => {
    it('refuses a host that is not listed, before anything else', async () => {
      expect(await refused({ url: '/api/who', headers: { host: 'evil.example' } })).toEqual([
        403,
        { error: 'Host not allowed' },
      ]);
      expect((await app.inject({ url: '/page', headers: { host: 'localhost:99' } })).statusCode).toBe(200);
    });

    it.each([
      ['http://localhost:80', 'localhost:80', 200],
      ['http://localhost', 'localhost:80', 200],
      ['https://board.example', 'localhost:80', 200],
      ['http://evil.example', 'localhost:80', 403],
      ['http://localhost:81', 'localhost:80', 403],
      ['null', 'localhost:80', 403],
    ])('a change from origin %s to host %s is %d', async (origin, host, status) => {
      const headers = { ...key, origin, host };
      const answer = await app.inject({ method: 'PUT', url: '/api/things/1', headers, payload: '{}' });
      expect(answer.statusCode).toBe(status);
      if (status === 403) expect(answer.json()).toEqual({ error: 'CSRF origin mismatch' });
      expect((await app.inject({ url: '/api/things/1', headers })).statusCode).toBe(200);
    });

    it('gives CORS headers to listed origins only', async () => {
      const listed = await app.inject({ url: '/api/who', headers: { ...key, origin: 'https://board.example' } });
      expect(listed.headers).toMatchObject({ 'access-control-allow-origin': 'https://board.example', vary: 'Origin' });
      expect(listed.headers['access-control-expose-headers']).toContain('x-mc-position');
      const other = await app.inject({ url: '/api/who', headers: { ...key, origin: 'https://x.example' } });
      expect(other.headers['access-control-allow-origin']).toBeUndefined();
      const preflight = { origin: 'https://board.example', 'access-control-request-method': 'PUT' };
      const answer = await app.inject({ method: 'OPTIONS', url: '/api/things/1', headers: preflight });
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
      expect(answer.headers['access-control-allow-headers']).toContain('x-api-key');
    });
  });

  describe('answers', () => {
    it('carry the security headers, and no-store under /api', async () => {
      for (const url of ['/api/who', '/page', '/nothing', '/api/%zz']) {
        const { headers } = await app.inject({ url });
        expect(headers).toMatchObject({
          'x-frame-options': 'DENY',
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        });
        expect(headers['content-security-policy']).toContain("default-src 'none'");
        expect(headers['permissions-policy']).toBeDefined();
        expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
        expect(headers['cache-control']).toBe(url.startsWith('/api') ? 'no-store' : undefined);
      }
    });

    it('keep a decent request id and replace any other', async () => {
      const id = '6F2D1C1E-8A45-4B0C-9A77-3A1F6F1F3C55';
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const kept = await app.inject({ url: '/api/who', headers: { ...key, 'x-request-id': id, traceparent } });
      expect(kept.headers['x-request-id']).toBe(id);
      expect(kept.json()).toMatchObject({ correlationId: id.toLowerCase(), traceparent });
      const odd = await app.inject({ url: '/api/who', headers: { ...key, 'x-request-id': 'run 7', traceparent: 'x' } });
      expect(odd.headers['x-request-id']).not.toBe('run 7');
      expect(odd.json().traceparent).toBeUndefined();
    });

    it.each([
      ['unknown', 503],
      ['store', 503],
      ['database', 503],
      ['conflict', 409],
      ['bug', 500],
    ])('turn the error "%s" into %d', async (how, status) => {
      const answer = await app.inject({ url: `/api/fail/${how}`, headers: key });
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
      if (how === 'bug') expect(answer.json()).toEqual({ error: 'Internal server error' });
      if (how === 'conflict') {
        expect(answer.json()).toEqual({ error: 'Connection is no longer active', connection_status: 'superseded' });
      }
    });

    it('are counted by route, method and status', async () => {
      await app.inject({ url: '/api/things/77', headers: key });
      const { body } = await app.inject({ url: '/metrics', headers: key });
      expect(body).toMatch(/mc_http_requests_total\{method="GET",route="\/api\/things\/:id",status="200"\} [1-9]/);
      expect(body).toContain('nodejs_eventloop_lag_seconds');
      expect(body).not.toContain('/api/things/77');
    });
  });

  describe('bodies', () => {
    const put = (payload: string | Buffer, headers: Record<string, string> = {}) =>
      app.inject({ method: 'PUT', url: '/api/things/1', payload, headers: { ...key, ...headers } });

    it.each([
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      '???',
      'a/b;c',
      'multipart/form-data',
    ])('are JSON under content type %s', async (type) => {
      expect((await put('{"n":1}', { 'content-type': type })).json()).toEqual({ body: { n: 1 } });
    });

    it('are JSON without a content type', async () => {
      expect((await put(Buffer.from('{"n":1}'))).json()).toEqual({ body: { n: 1 } });
    });

    it.each(['', '{', '{"a":1}x', 'null x', "{'a':1}", '\ufeff{}'])(
      'that are no JSON are refused: %j',
      async (payload) => {
        const answer = await put(payload, { 'content-type': 'application/json' });
        expect([answer.statusCode, answer.json()]).toEqual([400, { error: 'Invalid request body' }]);
      },
    );

    it('that are no object are refused', async () => {
      for (const payload of ['[]', '1', '"x"', 'null']) {
        expect((await put(payload)).json()).toEqual({
          error: 'Validation failed',
          details: ['body: must be an object'],
        });
      }
    });

    it('of the wrong shape say which field and why', async () => {
      expect((await put('{"n":1.5}')).json()).toEqual({
        error: 'Validation failed',
        details: ['n: must be an integer'],
      });
    });

    it.each([
      [{ title: '' }, ['title: must be longer than or equal to 1 characters', 'size: is required']],
      [{ title: 5, size: 'x' }, ['title: must be a string', 'size: must be an integer number']],
      [{ title: 'x', size: 0 }, ['size: must not be less than 1']],
      [{ title: null, size: 0.5 }, ['title: must be a string', 'size: must be an integer number']],
    ])('declared by a class say of %j first what each field must be at all', async (payload, details) => {
      const answer = await app.inject({ method: 'POST', url: '/api/things', payload, headers: key });
      expect([answer.statusCode, answer.json()]).toEqual([400, { error: 'Validation failed', details }]);
    });

    it('lose their unknown fields', async () => {
      const payload = { title: 'x', size: 1, id: 7, workspace_id: 9 };
      const answer = await app.inject({ method: 'POST', url: '/api/things', payload, headers: key });
      expect([answer.statusCode, answer.json()]).toEqual([201, { title: 'x', size: 1, fields: ['title', 'size'] }]);
    });

    it('with a Content-Encoding are 415', async () => {
      expect((await put('{}', { 'content-encoding': 'gzip' })).statusCode).toBe(415);
    });

    it('of NDJSON reach the one route that knows it as bytes', async () => {
      const headers = { ...key, 'content-type': 'application/x-ndjson; charset=utf-8' };
      const lines = await app.inject({ method: 'POST', url: '/api/lines', payload: '{}\n{}', headers });
      expect(lines.json()).toEqual({ kind: 'bytes' });
      expect((await put('{}\n{}', headers)).statusCode).toBe(400);
    });

    it('are bounded route by route', async () => {
      const send = (length: number) =>
        app.inject({ method: 'POST', url: '/api/lines', payload: `"${'x'.repeat(length - 2)}"`, headers: key });
      expect((await send(100)).statusCode).toBe(200);
      const large = await send(101);
      expect([large.statusCode, large.json()]).toEqual([413, { error: 'Request body is too large' }]);
    });
  });

  it('parses lists with the rules of the contract', async () => {
    const list = async (query: string) => (await app.inject({ url: `/api/things?${query}`, headers: key })).json();
    expect(await list('limit=1000&offset=400')).toEqual({ limit: 200, offset: 400, page: 3 });
    for (const bad of ['limit=abc', 'limit=-1', 'limit=1.5', 'limit=', 'limit=0', 'limit=1&limit=2']) {
      expect(await list(bad)).toEqual({ error: 'Invalid limit. Expected an integer of 1 or more.' });
    }
  });
});
