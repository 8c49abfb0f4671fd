import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { AccessRule, HttpMethod } from '../platform/auth/access-rule.js';
import type { AccessTable } from '../platform/auth/access-table.js';
import { routerPath } from '../platform/auth/access-table.js';
import { headerComponents, headersOf, type HeaderName } from './headers.js';
import { atLeast, stale, type Operation, type Schema } from './operation.js';
import { operationOf } from './operations.js';

const ERROR_REF = { $ref: '#/components/schemas/Error' };
const CREDENTIALS = [{ apiKey: [] }, { bearer: [] }];

const FAILURES: Readonly<Record<number, string>> = {
  400: 'The request is malformed or its content invalid',
  401: 'No valid credential',
  403: 'Role or scope too low, or a thing of another agent',
  404: 'No such thing in the workspace of the credential',
  409: 'In conflict with what is recorded',
  412: 'Another revision is recorded than If-Match says',
  413: 'Body too large',
  415: 'Content-Encoding or type not supported',
  422: 'A limit of the workspace forbids it',
  429: 'Too much; see Retry-After',
  503: 'Event store or read model away, or shutting down: repeat with the same keys after Retry-After',
};

interface Scanned {
  readonly requestBody?: unknown;
}

/**
 * The OpenAPI 3.1 document. Which routes exist and what their bodies look like comes from the running application, who
 * may use them from the access table, what they mean and answer from the operations; a route missing in any of them
 * throws.
 */
export function apiDocument(app: INestApplication, table: AccessTable, version: string): OpenAPIObject {
  const scanned = SwaggerModule.createDocument(app, skeleton(version), { autoTagControllers: false });
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [path, methods] of Object.entries(scanned.paths).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    paths[path] = Object.fromEntries(
      Object.entries(methods).map(([name, operation]) => [
        name,
        documented(table, name.toUpperCase() as HttpMethod, path, operation as Scanned),
      ]),
    );
  }
  return { ...scanned, paths };
}

function skeleton(version: string) {
  const document = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Mission Control API')
    .setDescription('The flight recorder and control tower for AI agents. Limits are per credential.')
    .setVersion(version)
    .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key' }, 'apiKey')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The same key as a bearer token' }, 'bearer')
    .build();
  document.components = {
    ...document.components,
    parameters: headerComponents,
    schemas: {
      Error: {
        type: 'object',
        required: ['error'],
        properties: {
          error: { type: 'string', description: 'What was wrong' },
          details: { type: 'array', items: { type: 'string' }, description: '`field: reason`' },
        },
        example: { error: 'Validation failed', details: ['title: Title is required'] },
      },
    },
  };
  return document;
}

function documented(table: AccessTable, method: HttpMethod, path: string, scanned: Scanned): Record<string, unknown> {
  const rule = table.ruleFor(method, routerPath(path));
  const operation = operationOf(method, path);
  const read = headersOf(method, rule, operation);
  const parameters = [...pathParameters(path), ...queryParameters(operation), ...[...read].map(headerParameter)];
  const body = bodyOf(operation, rule, scanned);
  return {
    operationId: operationId(method, path),
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...accessOf(rule),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      ...Object.fromEntries(successesOf(operation).map((status) => [String(status), successOf(operation)])),
      ...(read.has('IfNoneMatch') ? { '304': { description: 'What the caller has is still true' } } : {}),
      ...failuresOf(method, path, rule, operation, read),
    },
  };
}

function accessOf(rule: AccessRule): Record<string, unknown> {
  if (rule.role === 'public') return { security: [], 'x-required-role': 'public' };
  return {
    security: rule.publicAction === undefined ? CREDENTIALS : [...CREDENTIALS, {}],
    'x-required-role': rule.role,
    ...(rule.agentScopes.length === 0 ? {} : { 'x-agent-scopes': rule.agentScopes }),
    ...(rule.auditor ? { 'x-scope-instead-of-role': 'auditor' } : {}),
    ...(rule.publicAction === undefined ? {} : { 'x-public-when': `action=${rule.publicAction}` }),
  };
}

function pathParameters(path: string) {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query = [] }: Operation) {
  return query
    .flatMap((parameter) => (parameter === atLeast ? [atLeast, stale] : [parameter]))
    .map((parameter) => ({ ...parameter, in: 'query', required: false }));
}

function headerParameter(name: HeaderName) {
  return { $ref: `#/components/parameters/${name}` };
}

/** The application's own description of the body where it has one, with the example of the operation. */
function bodyOf({ body }: Operation, rule: AccessRule, scanned: Scanned) {
  if (body === undefined) return undefined;
  const schema = schemaIn(scanned.requestBody) ?? body.schema;
  const media = { schema, ...(body.example === undefined ? {} : { example: body.example }) };
  const ndjson = rule.body === 'json-or-ndjson' ? { 'application/x-ndjson': { schema: { type: 'string' } } } : {};
  return { required: body.required, content: { 'application/json': media, ...ndjson } };
}

/** Undefined when the body is only known as some object. */
function schemaIn(requestBody: unknown): Schema | undefined {
  const { content } = (requestBody ?? {}) as { content?: Record<string, { schema?: Schema }> };
  const schema = content?.['application/json']?.schema;
  return schema !== undefined && Object.keys(schema).some((key) => key !== 'type') ? schema : undefined;
}

function successesOf({ status = 200, otherStatus }: Operation): readonly number[] {
  return otherStatus === undefined ? [status] : [status, otherStatus];
}

function successOf({ contentType = 'application/json', answer, example }: Operation) {
  const media = { schema: answer ?? {}, ...(example === undefined ? {} : { example }) };
  return { description: 'Success', content: { [contentType]: media } };
}

function failuresOf(
  method: HttpMethod,
  path: string,
  rule: AccessRule,
  { failures = [], body }: Operation,
  read: ReadonlySet<HeaderName>,
) {
  const guarded = rule.role === 'public' ? [] : [401, 403, 429];
  const withBody = body === undefined ? [] : [413, 415];
  const ofOneThing = path.includes('{') ? [404] : [];
  // A command with the idempotency key of another one.
  const repeated = method === 'GET' ? [] : [409];
  const outdated = read.has('IfMatch') ? [412] : [];
  const statuses = new Set([400, ...guarded, ...withBody, ...ofOneThing, ...repeated, ...outdated, ...failures, 503]);
  return Object.fromEntries(
    [...statuses]
      .toSorted((a, b) => a - b)
      .map((status) => [
        String(status),
        { description: FAILURES[status] ?? 'Refused', content: { 'application/json': { schema: ERROR_REF } } },
      ]),
  );
}

function operationId(method: HttpMethod, path: string): string {
  const words = path
    .replace(/^\/(?:api\/)?/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + words.join('');
}
