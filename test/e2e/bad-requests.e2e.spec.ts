import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

/** Generated requests per route; `MC_BAD_REQUESTS=10000` for a long run. */
const PER_ROUTE = Number(process.env['MC_BAD_REQUESTS'] ?? 60);
const AT_ONCE = 10;
const BOUND_MS = 60_000 + 20 * PER_ROUTE;

let application: Application;
let agentId: number;

beforeAll(async () => {
  application = await startApplication();
  const { body } = await application.call('POST', '/api/connect', { body: { tool_name: 't', agent_name: 'victim' } });
  agentId = body.agent_id;
  // The first look at the projects of a workspace records the project general.
  await application.call('GET', '/api/projects');
});

afterAll(async () => {
  await application.close();
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** Over a socket of node's own, since `fetch` repairs what is to be sent broken. */
function send({ method, path, headers, body }: Sent): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const url = new URL(application.urls[0] ?? '');
    const call = httpRequest(
      { host: url.hostname, port: url.port, method, path, headers: { 'x-api-key': testKeys.admin, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (response.headers['content-type'] === 'text/event-stream') response.destroy();
        });
        response.on('close', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

const strings = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', ' ', '\u0000', '\ud800', '__proto__', '42', '%00', "'; drop table agents; --", '\u202e', '../..'),
);
const scalars = fc.oneof(
  strings,
  fc.constantFrom<unknown>(null, true, false, -1, 0, 1.5, 1e308, 2 ** 53, -(2 ** 63), [], {}, [[]], [null]),
);
const longText = fc.integer({ min: 501, max: 60_000 }).map((length) => 'x'.repeat(length));
/** Never a legal value of any field of the routes below. */
const never = fc.oneof(
  fc.constantFrom<unknown>(true, -1.5, [1, 'x'], ['a'], [[]], -(2 ** 63)),
  longText.map((text) => [text]),
);

/** What breaks any JSON body. */
const brokenText = fc.oneof(
  fc.constantFrom(
    '{',
    '{"a":1,}',
    '[1e999]',
    '{"a":1e400}',
    '{"a":-1e400}',
    '{"__proto__":{}}',
    '{"constructor":1}',
    '{"a":{"prototype":1}}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    `${'['.repeat(40)}${']'.repeat(40)}`,
    `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
    '['.repeat(50_000),
    'null',
    '17',
    '"text"',
    'NaN',
    '\ufeff{}',
    "{'a':1}",
  ),
  fc
    .json({ maxDepth: 3 })
    .map((text) => text.slice(0, -1))
    .filter((text) => !isJson(text)),
);
const brokenBytes = fc.oneof(
  brokenText,
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from([0xff]), bytes])),
);

/** A valid body with some fields made wrong, so that at least `required` ones are. */
function mutated(valid: Record<string, unknown>, wrong: readonly string[]) {
  return fc
    .tuple(fc.subarray([...wrong], { minLength: 1 }), fc.dictionary(strings, scalars, { maxKeys: 3 }))
    .chain(([fields, extra]) =>
      fc.tuple(...fields.map(() => never)).map((values) => ({
        ...Object.fromEntries(Object.entries(extra).filter(([key]) => !(key in valid))),
        ...valid,
        ...Object.fromEntries(fields.map((field, index) => [field, values[index]])),
      })),
    );
}

const badBody = (valid: Record<string, unknown>, wrong: readonly string[]) =>
  fc.oneof(
    brokenBytes,
    mutated(valid, wrong).map((body) => JSON.stringify(body)),
    fc.array(fc.constant(0), { maxLength: 3 }).map((list) => JSON.stringify(list)),
  );

const oddHeaders: fc.Arbitrary<Record<string, string | string[]>> = fc.oneof(
  fc.constant({}),
  fc.constantFrom<Record<string, string | string[]>>(
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': ';;;' },
    { 'content-encoding': 'gzip' },
    { 'idempotency-key': 'with blank' },
    { 'idempotency-key': ['a b', 'c'] },
    { 'idempotency-key': 'k'.repeat(201) },
    { prefer: 'respond-async' },
    { accept: '*/*, application/x-ndjson;q=0' },
    { traceparent: 'nonsense' },
    { 'x-request-id': 'r'.repeat(500) },
    { 'x-http-method-override': 'DELETE' },
  ),
);

const value = fc.oneof(strings, fc.constantFrom('-1', '1.5', 'abc', '1e3', '99999999999999999999', '0x1', 'NaN'));
const badQuery = (names: readonly string[]) =>
  fc
    .array(
      fc.tuple(fc.oneof(fc.constantFrom(...names), fc.constantFrom('__proto__', 'constructor', 'a[b]', '')), value),
      {
        minLength: 1,
        maxLength: 5,
      },
    )
    .map((pairs) => pairs.map(([name, text]) => `${encodeURIComponent(name)}=${encoded(text)}`).join('&'));

function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString('utf8'));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const body = (method: string, path: () => string, valid: Record<string, unknown>, wrong: readonly string[]) =>
  [
    `${method} ${path().replace(/\/\d+/, '/{id}')}`,
    fc
      .record({ body: badBody(valid, wrong), headers: oddHeaders })
      .map((rest): Sent => ({ method, path: path(), ...rest })),
  ] as const;

const query = (path: string, names: readonly string[]) =>
  [
    `GET ${path}`,
    fc
      .record({ query: badQuery([...names, 'atLeast', 'stale']), headers: oddHeaders })
      .map(({ query: text, headers }): Sent => ({ method: 'GET', path: `${path}?${text}`, headers })),
  ] as const;

const REPORT = '00000000-0000-5000-8000-000000000000';
const usage = { model: 'm', sessionId: 's:x', inputTokens: 1, outputTokens: 1 };
const badUsage = badBody(usage, Object.keys(usage));

const taskFields = [
  'description',
  'status',
  'priority',
  'project_id',
  'assigned_to',
  'due_date',
  'estimated_hours',
  'actual_hours',
  'metadata',
  'outcome',
  'error_message',
  'resolution',
  'feedback_rating',
  'feedback_notes',
  'retry_count',
  'completed_at',
];

/** Requests that a route must refuse, whatever else is right about them. */
const writes: readonly (readonly [string, fc.Arbitrary<Sent>])[] = [
  body('POST', () => '/api/connect', { tool_name: 't', agent_name: 'new' }, [
    'tool_name',
    'agent_name',
    'tool_version',
    'agent_role',
    'metadata',
  ]),
  body('DELETE', () => '/api/connect', { connection_id: 'x' }, ['connection_id']),
  body('POST', () => '/api/agents', { name: 'new', role: 'r' }, [
    'name',
    'role',
    'status',
    'session_key',
    'soul_content',
    'config',
    'runtime_type',
  ]),
  body('PUT', () => '/api/agents', { name: 'victim', role: 'r' }, [
    'name',
    'role',
    'status',
    'session_key',
    'config',
    'last_activity',
  ]),
  body('PUT', () => '/api/agents/1', { role: 'r' }, ['role', 'name', 'gateway_config']),
  body('POST', () => '/api/agents/register', { name: 'new' }, ['name', 'role', 'framework']),
  body('POST', () => '/api/agents/1/heartbeat', {}, ['connection_id', 'ack', 'last_activity']),
  body('POST', () => '/api/tokens', usage, [
    ...Object.keys(usage),
    'cacheReadTokens',
    'eventId',
    'timestamp',
    'operation',
    'duration',
  ]),
  body('POST', () => `/api/tokens/${REPORT}/void`, { reason: 'r' }, ['reason']),
  body('POST', () => `/api/tokens/${REPORT}/correct`, { reason: 'r', inputTokens: 1 }, [
    'reason',
    'model',
    'inputTokens',
    'cacheWriteTokens',
    'cacheWrite1hTokens',
    'reasoningTokens',
  ]),
  body('PUT', () => '/api/agents/1/memory', { working_memory: 'm' }, ['working_memory']),
  body('PUT', () => '/api/agents/1/memory', { working_memory: 'm', append: true }, ['working_memory']),
  body('PUT', () => '/api/agents/1/soul', { soul_content: 's' }, ['soul_content']),
  body('POST', () => '/api/tasks', { title: 'x' }, ['title', ...taskFields]),
  body('PUT', () => '/api/tasks/1', { title: 'x' }, ['title', 'lease_id', ...taskFields]),
  body('PUT', () => '/api/tasks', { tasks: [{ id: 1, status: 'inbox' }] }, ['tasks']),
  body('POST', () => '/api/tasks/1/comments', { content: 'x' }, ['content', 'parent_id']),
  body('POST', () => '/api/tasks/1/broadcast', { message: 'x' }, ['message']),
  body('POST', () => '/api/quality-review', { taskId: 1, status: 'approved', notes: 'x' }, [
    'taskId',
    'status',
    'notes',
    'reviewer',
  ]),
  body('POST', () => '/api/projects', { name: 'new' }, [
    'name',
    'ticket_prefix',
    'description',
    'github_repo',
    'deadline',
    'color',
  ]),
  body('PATCH', () => '/api/projects/1', { color: 'red' }, [
    'name',
    'ticket_prefix',
    'description',
    'github_repo',
    'deadline',
    'color',
    'status',
    'assigned_agents',
  ]),
  body('POST', () => '/api/projects/1/agents', { agent_name: 'victim' }, ['agent_name', 'role']),
  [
    'POST /api/tokens in bulk',
    fc
      .record({ bad: mutated(usage, Object.keys(usage)), good: fc.nat({ max: 3 }), headers: oddHeaders })
      .map(({ bad, good, headers }): Sent => {
        const records = [...Array.from({ length: good }, (_, index) => ({ ...usage, eventId: `g${index}` })), bad];
        return { method: 'POST', path: '/api/tokens', headers, body: JSON.stringify(records) };
      }),
  ],
  [
    'POST /api/tokens as NDJSON',
    badUsage.map((line): Sent => ({
      method: 'POST',
      path: '/api/tokens',
      headers: { 'content-type': 'application/x-ndjson' },
      body: [JSON.stringify({ ...usage, eventId: 'nd' }), `!${line.toString()}`].join('\n'),
    })),
  ],
];

const reads: readonly (readonly [string, fc.Arbitrary<Sent>])[] = [
  query('/api/agents', ['limit', 'offset', 'status', 'role', 'show_hidden']),
  query('/api/agents/victim', ['asOf']),
  query('/api/agents/victim/heartbeat', []),
  query('/api/connect', ['limit', 'offset', 'status', 'agent']),
  query('/api/tasks', ['status', 'assigned_to', 'priority', 'project_id', 'limit', 'offset']),
  query('/api/tasks/1', ['asOf']),
  query('/api/tasks/1/comments', ['limit']),
  query('/api/tasks/1/history', ['from', 'limit']),
  query('/api/quality-review', ['taskId', 'taskIds']),
  query('/api/tokens', ['action', 'timeframe', 'since', 'until', 'tz', 'format', 'raw', 'limit', 'offset']),
  query('/api/costs', [
    'groupBy',
    'zone',
    'from',
    'to',
    'agent',
    'model',
    'provider',
    'serviceClass',
    'session',
    'task',
    'project',
    'orderBy',
    'format',
    'limit',
    'offset',
  ]),
  query(`/api/tokens/${REPORT}/cost`, []),
  query('/api/tokens/invariants', []),
  query('/api/tokens/by-agent', ['days']),
  query('/api/agents/victim/memory', []),
  query('/api/agents/victim/soul', []),
  query('/api/agents/victim/diagnostics', ['hours', 'section', 'privileged']),
  query('/api/agents/victim/attribution', ['hours', 'section', 'privileged']),
  query('/api/projects/1/tasks', ['status', 'priority', 'assigned_to', 'project_id', 'limit', 'offset']),
  query('/api/projects', ['includeArchived', 'limit', 'offset']),
  query('/api/projects/1', ['id']),
  query('/api/projects/1/agents', ['agent_name']),
  query('/api/events', ['types', 'agent', 'task', 'from', 'lastEventId', 'named', 'onReset', 'ticket']),
  query('/api/audit/events', [
    'type',
    'actor',
    'agent',
    'task',
    'stream',
    'correlation',
    'since',
    'until',
    'from',
    'order',
    'limit',
    'format',
  ]),
  query('/api/status', ['action']),
  [
    'GET of hostile paths',
    fc
      .record({ segment: value, headers: oddHeaders })
      .map(({ segment, headers }): Sent => ({ method: 'GET', path: `/api/agents/${encoded(segment)}`, headers })),
  ],
  [
    'GET of hostile task ids',
    fc
      .record({ segment: value, headers: oddHeaders })
      .map(({ segment, headers }): Sent => ({ method: 'GET', path: `/api/tasks/${encoded(segment)}`, headers })),
  ],
];

async function sendAll(
  arbitrary: fc.Arbitrary<Sent>,
  check: (sent: Sent, answer: Awaited<ReturnType<typeof send>>) => void,
) {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitrary, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
      const answers = await Promise.all(requests.map(send));
      for (const [index, answer] of answers.entries()) {
        const sent = requests[index];
        if (sent !== undefined) check(sent, answer);
      }
    }),
    { numRuns: Math.ceil(PER_ROUTE / AT_ONCE), endOnFailure: true },
  );
}

function expectOneShape({ status, type, text }: Awaited<ReturnType<typeof send>>) {
  expect(type).toContain('application/json');
  expect(JSON.parse(text)).toMatchObject({ error: expect.any(String) });
  expect(status).toBeLessThan(500);
}

/** Without what is on record about refusals, and about how far reactors have come. */
const facts = async () =>
  (await application.log()).filter(({ stream }) => !/^(security|reactor|keyuse)/.test(stream)).length;

describe('bad requests', () => {
  it.each(writes)(
    '%s are all refused in one shape and leave nothing in the log',
    async (_, arbitrary) => {
      expect(agentId).toBe(1);
      const before = await facts();
      await sendAll(arbitrary, (sent, answer) => {
        const about = `${sent.body?.toString().slice(0, 300)} ${JSON.stringify(sent.headers)} → ${answer.status} ${answer.text.slice(0, 300)}`;
        if (answer.status < 400 || answer.status >= 500) throw new Error(about);
        expectOneShape(answer);
      });
      expect(await facts()).toBe(before);
    },
    BOUND_MS,
  );

  it.each(reads)(
    '%s give no 5xx and change nothing',
    async (_, arbitrary) => {
      const before = await facts();
      await sendAll(arbitrary, (sent, answer) => {
        const isLate = answer.status === 503 && sent.path.includes('atLeast');
        if (answer.status >= 500 && !isLate) throw new Error(`${sent.path} → ${answer.status} ${answer.text}`);
        if (answer.status >= 400 && !isLate) expectOneShape(answer);
      });
      expect(await facts()).toBe(before);
    },
    BOUND_MS,
  );
});
