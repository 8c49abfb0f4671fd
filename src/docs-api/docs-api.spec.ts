import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { accessRules } from '../platform/auth/access-table.js';
import { stubController } from '../../test/support/stub-controller.js';
import { startHttpApp } from '../../test/support/http-app.js';
import { DocsApiModule } from './docs-api.module.js';
import { operations } from './operations.js';

interface CommittedOperation {
  readonly parameters?: readonly { readonly name?: string; readonly $ref?: string }[];
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
}

interface CommittedDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, CommittedOperation>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, unknown>> };
}

/** Their effect is waited for; whether they are repeats is told by what they carry. */
const repeatedOtherwise = [
  'POST /api/agents/{id}/heartbeat',
  'POST /api/callbacks/{agent}',
  'POST /api/webhooks/agent-completion',
  'POST /v1/logs',
  'POST /v1/traces',
];

/** The one route whose name its handler puts together. */
const queue = ['GET /api/tasks/queue', 'POST /api/tasks/queue'];

async function committed(): Promise<CommittedDocument> {
  return JSON.parse(await readFile('docs/openapi.json', 'utf8')) as CommittedDocument;
}

function routesWith(paths: CommittedDocument['paths'], fits: (operation: CommittedOperation) => boolean): string[] {
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, operation]) =>
        fits(operation) ? [`${method.toUpperCase()} ${path}`] : [],
      ),
    )
    .toSorted();
}

const isHeader = (name: string) => (parameter: { readonly $ref?: string }) =>
  parameter.$ref === `#/components/parameters/${name}`;

/** Every route that a controller names to the endpoint of commands, as the scope of its idempotency keys. */
async function handledCommands(): Promise<readonly string[]> {
  const files = (await readdir('src', { recursive: true })).filter((file) => file.endsWith('.controller.ts'));
  const sources = await Promise.all(files.map((file) => readFile(`src/${file}`, 'utf8')));
  const named = sources.flatMap((source) =>
    [...source.matchAll(/'((?:POST|PUT|PATCH|DELETE) \/[^']+)'/g)].map(([, route]) => route ?? ''),
  );
  return [...named, ...queue].filter((route) => !repeatedOtherwise.includes(route)).toSorted();
}

const containing = (status: string): unknown => expect.arrayContaining([status]);

describe('the documentation', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const others = accessRules.filter(({ path }) => path !== '/metrics' && !/docs|openapi/.test(path));
    app = await startHttpApp({ imports: [DocsApiModule], controllers: [stubController(others)], rules: accessRules });
  });
  afterAll(() => app.close());

  it('knows exactly the routes of the access table', () => {
    const rules = accessRules.map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(operations).toSorted()).toEqual(rules.toSorted());
  });

  it('is committed with every route of the access table: each rule has a route in the application', async () => {
    const { paths } = JSON.parse(await readFile('docs/openapi.json', 'utf8')) as { paths: Record<string, object> };
    const committed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(committed.toSorted()).toEqual(Object.keys(operations).toSorted());
  });

  it('is an OpenAPI 3.1 document that says who may use what', async () => {
    const answer = await app.inject({ url: '/api/openapi.json' });
    const document = answer.json();
    expect(answer.statusCode).toBe(200);
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.title).toBe('Mission Control API');
    expect(document.paths['/metrics'].get['x-required-role']).toBe('viewer');
    expect(document.paths['/api/health'].get.security).toEqual([]);
    expect(document.paths['/api/health/ready'].get.responses['200'].description).toBe('Success');
  });

  it('says that one thing may not be there, and that a command may repeat the key of another', async () => {
    const { paths } = JSON.parse(await readFile('docs/openapi.json', 'utf8')) as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        if (path.includes('{')) expect([method, path, Object.keys(responses)]).toContainEqual(containing('404'));
        if (method !== 'get') expect([method, path, Object.keys(responses)]).toContainEqual(containing('409'));
      }
    }
  });

  it('says of every route what headers it reads, and describes each header once', async () => {
    const { paths, components } = await committed();
    const reading = (header: string) => routesWith(paths, ({ parameters = [] }) => parameters.some(isHeader(header)));
    const handled = await handledCommands();
    expect(handled.length).toBeGreaterThan(40);
    expect(reading('IdempotencyKey')).toEqual(handled);
    expect(reading('Prefer')).toEqual([...handled, ...repeatedOtherwise].toSorted());
    expect(reading('AgentName')).toEqual(routesWith(paths, ({ security }) => security?.length !== 0));
    expect(reading('IfMatch')).toEqual([
      'DELETE /api/prices/overrides',
      'DELETE /api/tasks/{id}',
      'POST /api/prices/refresh',
      'POST /api/tasks/{id}/release',
      'PUT /api/prices',
      'PUT /api/tasks/{id}',
    ]);
    expect(reading('IfMatch')).toEqual(routesWith(paths, ({ responses }) => '412' in responses));
    expect(reading('IfNoneMatch')).toEqual(routesWith(paths, ({ responses }) => '304' in responses));
    for (const header of Object.values(components.parameters)) expect(header).toMatchObject({ in: 'header' });
  });

  it('says that whoever may ask for a position may also take what there is', async () => {
    const { paths } = await committed();
    const taking = (name: string) =>
      routesWith(paths, ({ parameters = [] }) => parameters.some((parameter) => parameter.name === name));
    expect(taking('stale')).toEqual(taking('atLeast'));
    expect(taking('stale')).toContain('GET /api/tasks/{id}');
  });

  it('says of every field of a body what it is: an object is described, or free on purpose', async () => {
    const { components } = JSON.parse(await readFile('docs/openapi.json', 'utf8')) as {
      components: { schemas: Record<string, { properties?: Record<string, Record<string, unknown>> }> };
    };
    const vague = Object.entries(components.schemas).flatMap(([schema, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, field]) => field['type'] === 'object')
        .filter(([, field]) => field['properties'] === undefined && field['additionalProperties'] === undefined)
        .map(([field]) => `${schema}.${field}`),
    );
    expect(vague).toEqual([]);
  });

  it('is JSON at /api/docs, and a page for browsers whose script carries the nonce of its policy', async () => {
    const json = await app.inject({ url: '/api/docs' });
    expect(json.json().openapi).toBe('3.1.0');
    const page = await app.inject({ url: '/api/docs', headers: { accept: 'text/html,*/*' } });
    const nonce = /'nonce-([^']+)'/.exec(String(page.headers['content-security-policy']))?.[1];
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.body).toContain(`<script nonce="${nonce}"`);
  });

  it('serves the files of the page and nothing else of their folder', async () => {
    const css = await app.inject({ url: '/api/docs/assets/swagger-ui.css' });
    expect(css.statusCode).toBe(200);
    expect(css.headers['content-type']).toBe('text/css; charset=utf-8');
    for (const file of ['package.json', 'index.html', '..%2fpackage.json', '__proto__', 'constructor']) {
      const answer = await app.inject({ url: `/api/docs/assets/${file}` });
      expect([file, answer.statusCode, answer.json()]).toEqual([file, 404, { error: 'Not found' }]);
    }
  });
});
