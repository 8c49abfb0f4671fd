import { atLeast, choice, object, type Operation, parameter, seconds } from './operation.js';

const position = { type: 'string', pattern: '^1-[0-9a-f]{32}-[0-9a-f]{8}$' };
const check = { enum: ['ok', 'error'] };

const projection = object({
  name: { type: 'string' },
  state: { enum: ['live', 'catching_up', 'rebuilding', 'halted'] },
  lagEvents: { type: 'integer' },
  lagSeconds: { type: 'number' },
});

const streamFilters = [
  parameter('types', 'Prefixes of frame types on dot borders, comma-separated'),
  parameter('agent', 'Id or name of an agent'),
  parameter('task', 'Id of a task'),
  parameter('from', 'A position or `earliest`: everything after it'),
  choice('named', 'Adds `event:` lines', ['1']),
];

export const operationsOperations: Readonly<Record<string, Operation>> = {
  'GET /api/events': {
    tag: 'Events',
    summary: 'Follow what happens',
    description:
      'Server-sent events. Each id is a position; a reconnect with `Last-Event-ID` receives exactly what it missed, in order, once.',
    query: [
      ...streamFilters,
      parameter('lastEventId', 'As the header `Last-Event-ID`'),
      choice('onReset', 'Where to go on when the cursor is not usable', ['head']),
      parameter('ticket', 'A single-use ticket instead of a key'),
    ],
    contentType: 'text/event-stream',
    answer: { type: 'string' },
    example:
      'id: 1-0000000000004a3c0000000000004a3c-5f3b91d0\nretry: 2750\ndata: {"type":"connected","data":null,"timestamp":1767225600123}\n\n',
  },
  'POST /api/events/ticket': {
    tag: 'Events',
    summary: 'A ticket for one event stream',
    description: 'Valid 30 s, once, for these filters.',
    command: 'none',
    body: {
      required: false,
      schema: object({
        types: { type: 'string' },
        agent: { type: ['string', 'integer'] },
        task: { type: ['string', 'integer'] },
        from: { type: 'string' },
        named: { type: ['boolean', 'integer', 'string'] },
      }),
      example: { types: 'agent,connection' },
    },
    answer: object({ ticket: { type: 'string' }, expires_at: seconds, url: { type: 'string' } }),
  },
  'GET /api/audit/events': {
    tag: 'Audit',
    summary: 'Every fact, as recorded',
    description: 'JSON pages, or NDJSON of any length with `Accept: application/x-ndjson`.',
    query: [
      parameter('type', 'Event type'),
      parameter('actor', 'Id or name of an actor'),
      parameter('agent', 'Id or name of an agent'),
      parameter('stream', 'Stream name'),
      parameter('correlation', 'Correlation id'),
      parameter('since', 'Recorded at or after'),
      parameter('until', 'Recorded before'),
      parameter('from', 'Position, exclusive', position),
      choice('order', 'Order of the log', ['asc', 'desc']),
      choice('format', 'Form of the answer', ['json', 'ndjson']),
      parameter('limit', 'At most 10,000', { type: 'integer', minimum: 1, default: 1000 }),
      atLeast,
    ],
    answer: object({
      events: { type: 'array', items: { type: 'object' } },
      next: { type: ['string', 'null'] },
      head: { type: 'string' },
    }),
  },
  'GET /api/projections': {
    tag: 'Operations',
    summary: 'State and lag of every projection',
    answer: object({ projections: { type: 'array', items: projection } }),
  },
  'GET /api/status': {
    tag: 'Operations',
    summary: 'What this process is and how it is',
    description: '`?action=health` is public.',
    query: [choice('action', 'What to read', ['overview', 'dashboard', 'capabilities', 'models', 'health'])],
    answer: { type: 'object' },
  },
  'GET /api/index': { tag: 'Operations', summary: 'Every route of this server', answer: { type: 'object' } },
  'GET /metrics': {
    tag: 'Operations',
    summary: 'Figures for Prometheus',
    contentType: 'text/plain',
    answer: { type: 'string' },
  },
  'GET /api/health': {
    tag: 'Operations',
    summary: 'The process lives',
    answer: object({ status: { const: 'ok' }, ts: seconds }),
    example: { status: 'ok', ts: 1_767_225_600 },
  },
  'GET /api/health/ready': {
    tag: 'Operations',
    summary: 'The process can be given traffic',
    answer: object({
      status: { enum: ['ready', 'degraded', 'not_ready'] },
      checks: object({ event_store: check, postgres: check }),
      projections: { type: 'array', items: projection },
      ts: seconds,
    }),
  },
  'GET /api/docs': {
    tag: 'Operations',
    summary: 'This document, or a page that shows it',
    answer: { type: 'object' },
  },
  'GET /api/docs/assets/{file}': {
    tag: 'Operations',
    summary: 'A file of the documentation page',
    contentType: '*/*',
    answer: { type: 'string' },
    failures: [404],
  },
  'GET /api/openapi.json': { tag: 'Operations', summary: 'This document', answer: { type: 'object' } },
};
