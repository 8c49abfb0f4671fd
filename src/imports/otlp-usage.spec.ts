import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readOtlp } from './otlp-usage.js';

type Value = { readonly [kind: string]: unknown };
const valueOf = (value: unknown): Value =>
  typeof value === 'bigint'
    ? { intValue: value.toString() }
    : typeof value === 'string'
      ? { stringValue: value }
      : (value as Value);
const list = (attributes: object) =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]));

const request = {
  'session.id': 'chat',
  'event.sequence': 17n,
  model: 'claude-sonnet-4-5',
  input_tokens: 7n,
  output_tokens: 90n,
  cache_read_tokens: 16_420n,
  cache_creation_tokens: 250n,
  cost_usd: { doubleValue: 0.0123 },
  duration_ms: 1_200n,
};
const log = (attributes: object, more: object = {}) => ({
  timeUnixNano: '1772359200123999999',
  body: { stringValue: 'claude_code.api_request' },
  attributes: list(attributes),
  ...more,
});
const logs = (records: unknown, resource: object = { 'agent.name': 'bot' }, scope: object = {}) => ({
  resourceLogs: [{ resource: { attributes: list(resource) }, scopeLogs: [{ scope, logRecords: records }] }],
});
const readLogs = (body: unknown, agent?: string) => readOtlp(body, 'logs', agent);

const chat = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o',
  'gen_ai.response.model': 'gpt-4o-2024-08-06',
  'gen_ai.conversation.id': 'c1',
  'gen_ai.usage.input_tokens': 1_000n,
  'gen_ai.usage.cache_read.input_tokens': 600n,
  'gen_ai.usage.cache_creation.input_tokens': 100n,
  'gen_ai.usage.output_tokens': 50n,
};
const ids = { traceId: '5B8EFFF798038103D269B633813FC60C', spanId: 'EEE19B7EC3C1B174' };
const span = (attributes: object, more: object = {}) => ({
  ...ids,
  startTimeUnixNano: '1772359200000000000',
  endTimeUnixNano: '1772359201250000000',
  attributes: list(attributes),
  ...more,
});
const readSpan = (one: object, resource: object = { 'agent.name': 'bot' }) =>
  readOtlp(
    { resourceSpans: [{ resource: { attributes: list(resource) }, scopeSpans: [{ spans: [one] }] }] },
    'traces',
    undefined,
  );

describe('an event of Claude Code', () => {
  it('about a request is one usage, under its session and its place in it', () => {
    expect(readLogs(logs([log(request)]))).toEqual({
      usage: [
        {
          eventId: 'claude-code-event:chat:17:1772359200123',
          model: 'claude-sonnet-4-5',
          sessionId: 'bot:chat',
          timestamp: 1_772_359_200_123,
          inputTokens: 7,
          outputTokens: 90,
          cacheReadTokens: 16_420,
          cacheWriteTokens: 250,
          duration: 1_200,
          reportedCostUsd: '0.0123',
        },
      ],
      refused: [],
      ignored: 0,
    });
  });

  it('is known by its body, its name or its attribute, whatever the counts are written as', () => {
    const written = { ...request, input_tokens: '7', output_tokens: { intValue: 90 }, cost_usd: '0.0123' };
    const [first] = readLogs(logs([log(request)]))?.usage ?? [];
    for (const one of [
      log(written),
      log(written, { body: undefined, eventName: 'claude_code.api_request' }),
      log({ ...written, 'event.name': 'claude_code.api_request' }, { body: undefined }),
    ]) {
      expect(readLogs(logs([one]))?.usage).toEqual([first]);
    }
    const short = log({ ...written, 'event.name': 'api_request' }, { body: undefined });
    expect(readLogs(logs([short], undefined, { name: 'com.anthropic.claude_code.events' }))?.usage).toEqual([first]);
    expect(readLogs(logs([short], undefined, { name: 'another' }))).toMatchObject({ usage: [], ignored: 1 });
  });

  it('is another one when the count of its session starts again', () => {
    const again = log(request, { timeUnixNano: '1772445600000000000' });
    const usage = readLogs(logs([log(request), again, log(request)]))?.usage;
    expect(usage?.map(({ eventId }) => eventId)).toEqual([
      'claude-code-event:chat:17:1772359200123',
      'claude-code-event:chat:17:1772445600000',
      'claude-code-event:chat:17:1772359200123',
    ]);
    const without = log({ ...request, 'event.timestamp': '2026-03-01T10:00:00.123Z' }, { timeUnixNano: undefined });
    expect(readLogs(logs([without]))?.usage).toMatchObject([
      { eventId: 'claude-code-event:chat:17:2026-03-01T10:00:00.123Z', timestamp: '2026-03-01T10:00:00.123Z' },
    ]);
    expect(readLogs(logs([log(request, { timeUnixNano: undefined })]))?.usage[0]?.eventId).toBe(
      'claude-code-event:chat:17',
    );
  });

  it('about anything else is ignored and counted', () => {
    const others = ['claude_code.user_prompt', 'claude_code.tool_result', 'hello'].map((stringValue) =>
      log(request, { body: { stringValue } }),
    );
    expect(readLogs(logs([...others, {}]))).toEqual({ usage: [], refused: [], ignored: 4 });
  });

  it('reads integers exactly: none is rounded to one that fits', () => {
    const most = { ...request, input_tokens: 9_007_199_254_740_991n };
    expect(readLogs(logs([log(most)]))?.usage[0]?.inputTokens).toBe(9_007_199_254_740_991);
    for (const input_tokens of [9_007_199_254_740_992n, 9_007_199_254_740_993n, { intValue: 9_007_199_254_740_992 }]) {
      expect(readLogs(logs([log({ ...request, input_tokens })]))?.refused).toEqual([
        'input_tokens is no count of tokens',
      ]);
    }
  });

  it.each([
    ['session.id is missing', { 'session.id': undefined }],
    ['event.sequence is missing or no integer', { 'event.sequence': 'x' }],
    ['the model is missing', { model: '  ' }],
    ['input_tokens is missing', { input_tokens: undefined }],
    ['output_tokens is no count of tokens', { output_tokens: -1n }],
    ['output_tokens is no count of tokens', { output_tokens: { doubleValue: 1.5 } }],
    ['cache_read_tokens is no count of tokens', { cache_read_tokens: 'many' }],
    ['cache_creation_tokens is no count of tokens', { cache_creation_tokens: { boolValue: true } }],
  ])('is refused where %s; the others are taken', (reason, more) => {
    const read = readLogs(logs([log({ ...request, ...more }), log(request)]));
    expect([read?.refused, read?.usage.length]).toEqual([[reason], 1]);
  });

  it('belongs to the agent of the record, else of the resource, else of the key, else to the program', () => {
    const agentOf = (attributes: object, resource: object, own?: string) =>
      readLogs(logs([log({ ...request, ...attributes })], resource), own)?.usage[0]?.sessionId;
    const resource = { 'agent.name': 'r', 'service.name': 'claude-code' };
    expect(agentOf({ 'gen_ai.agent.name': 'a' }, resource, 'k')).toBe('a:chat');
    expect(agentOf({}, resource, 'k')).toBe('r:chat');
    expect(agentOf({}, { 'service.name': 'claude-code' }, 'k')).toBe('k:chat');
    expect(agentOf({}, { 'service.name': 'claude-code' })).toBe('claude-code:chat');
    expect(readLogs(logs([log(request)], {}))?.refused).toEqual([expect.stringContaining('no agent is named')]);
    expect(readLogs(logs([log(request)], { 'agent.name': 'a:b' }))?.refused).toEqual([
      expect.stringContaining('colon'),
    ]);
  });
});

describe('a request of a GenAI client', () => {
  it('is one usage by trace and span, without the cached tokens that its input includes', () => {
    expect(readSpan(span(chat))).toEqual({
      usage: [
        {
          eventId: 'otel:5b8efff798038103d269b633813fc60c:eee19b7ec3c1b174',
          model: 'gpt-4o-2024-08-06',
          sessionId: 'bot:c1',
          timestamp: 1_772_359_201_250,
          duration: 1_250,
          operation: 'chat',
          provider: 'openai',
          inputTokens: 300,
          outputTokens: 50,
          cacheReadTokens: 600,
          cacheWriteTokens: 100,
        },
      ],
      refused: [],
      ignored: 0,
    });
  });

  it('in older spellings is the same', () => {
    const older = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'gpt-4o-2024-08-06',
      'gen_ai.conversation.id': 'c1',
      'gen_ai.usage.prompt_tokens': 1_000n,
      'gen_ai.usage.cache_read_input_tokens': 600n,
      'gen_ai.usage.cache_creation_input_tokens': 100n,
      'gen_ai.usage.completion_tokens': 50n,
    };
    expect(readSpan(span(older))).toEqual(readSpan(span(chat)));
  });

  it('as an event has the same id', () => {
    const one = log(chat, { ...ids, body: undefined, eventName: 'gen_ai.client.inference.operation.details' });
    const [usage] = readLogs(logs([one]))?.usage ?? [];
    expect(usage).toMatchObject({ eventId: readSpan(span(chat))?.usage[0]?.eventId, inputTokens: 300 });
  });

  it('that has fewer input tokens than cached ones is refused', () => {
    const read = readSpan(span({ ...chat, 'gen_ai.usage.input_tokens': 699n }));
    expect(read).toMatchObject({ usage: [], refused: [expect.stringContaining('less than the cached tokens')] });
    expect(readSpan(span({ ...chat, 'gen_ai.usage.input_tokens': 700n }))?.usage[0]?.inputTokens).toBe(0);
  });

  it.each([
    ['the sum of an agent', { 'gen_ai.operation.name': 'invoke_agent' }],
    ['a tool', { 'gen_ai.operation.name': 'execute_tool' }],
    ['no operation', { 'gen_ai.operation.name': undefined }],
    ['no usage', { 'gen_ai.usage.input_tokens': undefined, 'gen_ai.usage.output_tokens': undefined }],
  ])('is not: %s', (_, more) => {
    expect(readSpan(span({ ...chat, ...more }))).toEqual({ usage: [], refused: [], ignored: 1 });
  });

  it.each([
    ['no trace', {}, { traceId: undefined }],
    ['an empty trace', {}, { traceId: '0'.repeat(32) }],
    ['a span that is no id', {}, { spanId: '7' }],
    ['no output', { 'gen_ai.usage.output_tokens': undefined }, {}],
    ['no model', { 'gen_ai.response.model': undefined, 'gen_ai.request.model': undefined }, {}],
    ['cached tokens below 0', { 'gen_ai.usage.cache_read.input_tokens': -5n }, {}],
    ['cached tokens that are no integer', { 'gen_ai.usage.cache_read.input_tokens': 'x' }, {}],
  ])('with %s is refused', (_, attributes, more) => {
    const read = readSpan(span({ ...chat, ...attributes }, more));
    expect([read?.usage.length, read?.refused.length]).toEqual([0, 1]);
  });

  it('for embeddings needs no output', () => {
    const more = { 'gen_ai.operation.name': 'embeddings', 'gen_ai.usage.output_tokens': undefined };
    expect(readSpan(span({ ...chat, ...more }))?.usage[0]?.outputTokens).toBe(0);
  });
});

describe('an export', () => {
  it('may be empty, and is none when it is of another shape', () => {
    const nothing = { usage: [], refused: [], ignored: 0 };
    expect(readLogs({})).toEqual(nothing);
    expect(readLogs({ resourceLogs: [null, 1, {}, { scopeLogs: [{}, { logRecords: 'x' }] }] })).toEqual(nothing);
    for (const body of [undefined, null, [], 'x', 1, { resourceLogs: 'x' }, { resourceLogs: {} }]) {
      expect(readLogs(body)).toBeUndefined();
    }
  });

  it('never throws, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (some, other, third) => {
        readLogs({
          resourceLogs: [some, { resource: other, scopeLogs: [{ scope: some, logRecords: [third, other] }] }],
        });
        readLogs(logs([log(request, { timeUnixNano: some, attributes: other, eventName: third })]));
        readSpan(span({ ...chat, 'gen_ai.usage.input_tokens': { intValue: some } }, { endTimeUnixNano: other }));
      }),
    );
  });
});
