import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { keyHeader, startHttpApp, testKeys } from '../../../test/support/http-app.js';
import { stubController } from '../../../test/support/stub-controller.js';
import { accessRules } from '../auth/access-table.js';

const REQUESTS = 2_000;
const PER_RUN = 20;

const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE' as never);
const hostile = fc.constantFrom(
  '%00',
  '%zz',
  '%',
  '..',
  '%2F',
  '%2e%2e',
  '__proto__',
  '%ff',
  ';',
  '//',
  '?',
  '#',
  '%ED%A0%80',
  '😀',
  ' ',
);
const knownPath = fc.constantFrom(...accessRules.map(({ path }) => path));
const segment = fc.oneof(hostile, fc.string({ maxLength: 30 }), fc.integer().map(String));
const path = fc
  .tuple(knownPath, segment, fc.option(segment), fc.option(fc.string({ maxLength: 40 })))
  .map(([known, id, more, query]) => {
    const base = known.replace(/\{\w+\}/, () => id);
    return `${base}${more === null ? '' : `/${more}`}${query === null ? '' : `?${query}`}`.replace(/[\s\p{Cc}]/gu, '');
  });
const headerValue = fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\u0020-\u007e]/g, ''));
const headers = fc.dictionary(
  fc.constantFrom(
    'content-type',
    'accept',
    'origin',
    'x-agent-name',
    'traceparent',
    'x-request-id',
    'content-encoding',
    'x-forwarded-for',
    'authorization',
    'expect',
    'last-event-id',
    'idempotency-key',
    'if-match',
    'prefer',
  ),
  headerValue,
  { maxKeys: 5 },
);
const body = fc.oneof(
  fc.json({ maxDepth: 40 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('{"__proto__":{}}', '[1e999]', '"\\ud800"', '['.repeat(5000), '', '\u0000', 'null'),
);
const request = fc.record({ method, path, headers, body, keyed: fc.boolean() });

describe('bad requests', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const others = accessRules.filter(({ path: known }) => known !== '/metrics');
    app = await startHttpApp({ controllers: [stubController(others)], rules: accessRules });
  });
  afterAll(() => app.close());

  it(`${REQUESTS} generated ones give no 5xx, and refusals have the one shape`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: PER_RUN, maxLength: PER_RUN }), async (requests) => {
        for (const each of requests) {
          const answer = await app.inject({
            method: each.method,
            url: each.path,
            headers: { ...each.headers, ...(each.keyed ? keyHeader(testKeys.admin) : {}) },
            payload: each.body,
          });
          expect(answer.statusCode).toBeLessThan(500);
          if (answer.statusCode < 400 || each.method === 'HEAD') continue;
          expect(answer.json()).toMatchObject({ error: expect.any(String) });
          expect(answer.headers['x-request-id']).toBeDefined();
        }
      }),
      { numRuns: REQUESTS / PER_RUN },
    );
  });
});
