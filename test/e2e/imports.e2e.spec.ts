import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importTranscripts } from '../../cli/transcripts/import-transcripts.js';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

const reports = async () => (await application.log()).filter(({ type }) => type === 'TokenUsageReported');

describe('the import of transcripts', () => {
  async function run(...args: string[]) {
    const printed: string[] = [];
    const code = await importTranscripts({
      args: [...args, 'test/fixtures/transcripts'],
      environment: { MC_URL: application.urls[0] ?? '', MC_API_KEY: testKeys.operator },
      print: (text) => printed.push(text),
      complain: () => undefined,
      rest: async () => undefined,
    });
    return { code, last: printed.at(-1) };
  }

  it('counts each request once, however often it is run', async () => {
    const before = (await reports()).length;
    expect(await run('--agent', 'scribe')).toEqual({
      code: 3,
      last: 'recorded 4, known before 0, known with other content 0, refused 0',
    });
    expect(await run('--agent', 'scribe')).toMatchObject({
      last: 'recorded 0, known before 4, known with other content 0, refused 0',
    });
    expect(await run('--agent', 'another')).toMatchObject({
      last: 'recorded 0, known before 0, known with other content 4, refused 0',
    });
    expect((await reports()).length - before).toBe(4);
    const { headers } = await application.call('POST', '/api/tokens', {
      body: { model: 'm', sessionId: 'other:x', inputTokens: 1, outputTokens: 1 },
    });
    const { body } = await application.read('/api/tokens?action=stats', headers);
    expect(body.agents.scribe).toMatchObject({
      requestCount: 4,
      inputTokens: Number(4n + 7n + 9_007_199_254_740_990n + 10n),
      outputTokens: 312 + 90 + 1 + 20,
      cacheReadTokens: 16_450,
      cacheWriteTokens: 16_670,
    });
  });
});

describe('exports of OpenTelemetry', () => {
  const attribute = ([key, value]: [string, unknown]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  });
  const request = (sequence: number, more: object = {}) => ({
    timeUnixNano: '1772359200123000000',
    body: { stringValue: 'claude_code.api_request' },
    attributes: Object.entries({
      'session.id': 'chat',
      'event.sequence': sequence,
      model: 'claude-sonnet-4-5',
      input_tokens: 7,
      output_tokens: 90,
      cache_read_tokens: 16,
      cost_usd: '0.25',
      ...more,
    }).map(attribute),
  });
  const logs = (records: readonly unknown[], agent = 'exporter') => ({
    resourceLogs: [
      { resource: { attributes: [attribute(['agent.name', agent])] }, scopeLogs: [{ logRecords: records }] },
    ],
  });
  const post = (path: string, body: unknown, options: object = {}) =>
    application.call('POST', path, { body, key: testKeys.operator, ...options });

  it('count each request once, and say what was not taken', async () => {
    const before = (await reports()).length;
    const body = logs([request(1), request(2), { body: { stringValue: 'claude_code.user_prompt' } }]);
    const first = await post('/v1/logs', body);
    expect(first).toMatchObject({ status: 200, body: {} });
    expect(await post('/v1/logs', body)).toMatchObject({ status: 200, body: {} });
    const faulty = logs([request(3), request(4, { input_tokens: -1 }), request(1, { output_tokens: 91 })]);
    expect((await post('/v1/logs', faulty)).body).toEqual({
      partialSuccess: {
        rejectedLogRecords: '2',
        errorMessage: 'input_tokens is no count of tokens; recorded before with other content, which stands',
      },
    });
    const stored = (await reports()).slice(before);
    expect(stored.map(({ data }) => data)).toEqual([
      expect.objectContaining({
        eventId: 'claude-code-event:chat:1:1772359200123',
        agentName: 'exporter',
        reportedCostUsd: '0.25',
      }),
      expect.objectContaining({ eventId: 'claude-code-event:chat:2:1772359200123', timestamp: 1_772_359_200_123 }),
      expect.objectContaining({
        eventId: 'claude-code-event:chat:3:1772359200123',
        inputTokens: 7,
        cacheReadTokens: 16,
      }),
    ]);
    const { body: metrics } = await application.call('GET', '/metrics');
    expect(metrics).toContain('mc_otlp_records_total{signal="logs",result="ignored"} 2');
    expect(metrics).toContain('mc_otlp_records_total{signal="logs",result="refused"} 2');
  });

  it('of a session that is taken up again count on', async () => {
    const before = (await reports()).length;
    const again = { ...request(1, { output_tokens: 3 }), timeUnixNano: '1772445600000000000' };
    for (let sent = 0; sent < 2; sent += 1) {
      expect((await post('/v1/logs', logs([request(1), again]))).body).toEqual({});
    }
    expect((await reports()).slice(before).map(({ data }) => data)).toEqual([
      expect.objectContaining({ sessionId: 'exporter:chat', outputTokens: 3, timestamp: 1_772_445_600_000 }),
    ]);
  });

  it('of spans are taken the same way', async () => {
    const span = (more: object = {}) => ({
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
      startTimeUnixNano: '1772359200000000000',
      endTimeUnixNano: '1772359201250000000',
      attributes: Object.entries({
        'gen_ai.operation.name': 'chat',
        'gen_ai.response.model': 'gpt-4o',
        'gen_ai.usage.input_tokens': 1_000,
        'gen_ai.usage.cache_read.input_tokens': 600,
        'gen_ai.usage.output_tokens': 50,
      }).map(attribute),
      ...more,
    });
    const spans = (all: readonly object[]) => ({
      resourceSpans: [
        { resource: { attributes: [attribute(['service.name', 'caller'])] }, scopeSpans: [{ spans: all }] },
      ],
    });
    const before = (await reports()).length;
    expect((await post('/v1/traces', spans([span(), span()]))).body).toEqual({});
    expect((await post('/v1/traces', spans([span({ traceId: '' })]))).body).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('traceId') },
    });
    const stored = (await reports()).slice(before);
    expect(stored.map(({ data }) => data)).toEqual([
      expect.objectContaining({ agentName: 'caller', inputTokens: 400, cacheReadTokens: 600, durationMs: 1_250 }),
    ]);
  });

  it('by the key of an agent are its own, whatever the program is called', async () => {
    const { body: agent } = await application.call('POST', '/api/agents', { body: { name: 'own', role: 'developer' } });
    const { body: issued } = await application.call('POST', `/api/agents/${agent.agent.id}/keys`, {
      body: { name: 'otlp', scopes: ['agent:tokens'] },
    });
    const key: string = issued.api_key;
    const before = (await reports()).length;
    const own = { resourceLogs: [{ scopeLogs: [{ logRecords: [request(50)] }] }] };
    expect(await post('/v1/logs', own, { key })).toMatchObject({ status: 200, body: {} });
    expect((await post('/v1/logs', logs([request(51), request(52)]), { key })).body).toEqual({
      partialSuccess: { rejectedLogRecords: '2', errorMessage: expect.stringContaining('Access denied') },
    });
    expect((await reports()).slice(before).map(({ data }) => data)).toEqual([
      expect.objectContaining({ agentName: 'own', sessionId: 'own:chat' }),
    ]);
  });

  it.each([
    ['a viewer', logs([]), { key: testKeys.viewer }, 403, 'operator'],
    ['nobody', logs([]), { key: 'nobody-knows-this-key-123456' }, 401, 'Authentication'],
    ['protobuf', '\n', { headers: { 'content-type': 'application/x-protobuf' } }, 415, 'http/json'],
    ['compression', 'x', { headers: { 'content-encoding': 'gzip' } }, 415, 'Content-Encoding'],
    ['no JSON', '{', {}, 400, 'Invalid request body'],
    ['another shape', { resourceLogs: 7 }, {}, 400, 'Validation failed'],
    ['a list', [], {}, 400, 'Validation failed'],
    ['too much', 'x'.repeat(8 * 1024 * 1024 + 1), {}, 413, ''],
    ['too many', logs(Array.from({ length: 10_001 }, (_, at) => request(1_000 + at))), {}, 413, '10000'],
  ])('from %s are refused', async (_, body, options, status, word) => {
    const before = (await reports()).length;
    const answer = await post('/v1/logs', body, options);
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(word) } });
    expect((await reports()).length).toBe(before);
  });

  it('are POST alone', async () => {
    const answer = await application.call('GET', '/v1/logs');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
