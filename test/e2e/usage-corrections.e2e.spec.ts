import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  const prices = {
    version: 'test',
    source: 'a test',
    recordedAt: '2026-01-01T00:00:00.000Z',
    models: ['cheap', 'dear'].map((model, index) => ({
      provider: 'test',
      model,
      aliases: [],
      rates: [
        {
          effectiveFrom: '2025-01-01T00:00:00.000Z',
          inputPerMTok: index === 0 ? '1' : '0.333333',
          outputPerMTok: '10',
        },
      ],
    })),
  };
  expect(await application.call('PUT', '/api/prices', { body: prices })).toMatchObject({ status: 200 });
});

afterAll(async () => {
  await application.close();
});

const report = async (eventId: string, more: object = {}) => {
  const body = {
    eventId,
    model: 'cheap',
    sessionId: `${eventId}:cli`,
    inputTokens: 1_000_000,
    outputTokens: 1,
    ...more,
  };
  return (await application.call('POST', '/api/tokens', { body })).body.record;
};
const amend = (id: string, what: 'correct' | 'void', body: object, headers: Record<string, string> = {}) =>
  application.call('POST', `/api/tokens/${id}/${what}`, { body: { reason: 'a mistake', ...body }, headers });
const statsOf = async (agent: string, headers: Headers) => {
  const { body } = await application.read('/api/tokens?action=stats', headers);
  return body.agents[agent];
};

const amendments = async () =>
  (await application.log()).filter(({ type }) => /^TokenUsage(Corrected|Voided)$/.test(type)).length;

describe('a report that was wrong', () => {
  it('is corrected in every sum, at the price of its own time, and tells so in the history and on the wire', async () => {
    const { id } = await report('wrong');
    const { status, body, headers } = await amend(id, 'correct', { model: 'dear', inputTokens: 3, outputTokens: 0 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ success: true, record: { id, model: 'dear', costUsd: '0.000000999999' } });
    expect(await statsOf('wrong', headers)).toMatchObject({
      requestCount: 1,
      inputTokens: 3,
      outputTokens: 0,
      totalCostUsd: '0.000000999999',
      totalCost: 0.000000999999,
    });
    const listed = await application.read('/api/tokens?limit=1', headers);
    expect(listed.body.usage[0]).toEqual(body.record);
    const [fact] = (await application.log()).filter(({ type }) => type === 'TokenUsageCorrected');
    expect(fact?.data).toMatchObject({ id, reason: 'a mistake', previous: { model: 'cheap', inputTokens: 1_000_000 } });
  });

  it('is corrected once, however often it is said', async () => {
    const { id } = await report('again');
    const before = await amendments();
    for (let time = 0; time < 3; time += 1) {
      expect(await amend(id, 'correct', { inputTokens: 5 })).toMatchObject({ status: 200 });
    }
    expect(await amendments()).toBe(before + 1);
  });

  it('counts no more when it is voided, and its id stays taken', async () => {
    const record = await report('gone');
    const { body, headers } = await amend(record.id, 'void', {});
    expect(body).toMatchObject({ success: true, voided: true, record: { id: record.id } });
    expect(await statsOf('gone', headers)).toBeUndefined();
    expect(await amend(record.id, 'void', {})).toMatchObject({ status: 200, body: { voided: true } });
    expect(await amend(record.id, 'correct', { inputTokens: 1 })).toMatchObject({ status: 409 });
    const again = await application.call('POST', '/api/tokens', {
      body: { eventId: 'gone', model: 'cheap', sessionId: 'gone:cli', inputTokens: 1_000_000, outputTokens: 1 },
    });
    expect(again).toMatchObject({ status: 200, body: { duplicate: true } });
    expect(await statsOf('gone', again.headers)).toBeUndefined();
  });

  it.each([
    ['without a reason', { reason: ' ', inputTokens: 1 }],
    ['to nothing', {}],
    ['to a text', { inputTokens: '1' }],
    ['to less than nothing', { outputTokens: -1 }],
    ['to a fraction', { cacheReadTokens: 0.5 }],
    ['to a blank model', { model: '  ' }],
    ['to more of a part than of the whole', { cacheWrite1hTokens: 1 }],
    ['beyond what a number holds', { inputTokens: Number.MAX_SAFE_INTEGER, cacheReadTokens: 1 }],
  ])('is not corrected %s', async (_, body) => {
    const { id } = await report('strict');
    const before = await amendments();
    expect(await amend(id, 'correct', body)).toMatchObject({ status: 400, body: { details: expect.any(Array) } });
    expect(await amendments()).toBe(before);
  });

  it('has to be there, and to be changed by an operator', async () => {
    const { id } = await report('mine');
    for (const unknown of ['7', 'no-such-id', '00000000-0000-5000-8000-000000000000']) {
      expect(await amend(unknown, 'void', {})).toMatchObject({ status: 404 });
    }
    const refused = await application.call('POST', `/api/tokens/${id}/void`, {
      body: { reason: 'x' },
      key: testKeys.viewer,
    });
    expect(refused).toMatchObject({ status: 403 });
  });

  it('takes one of the corrections that come at once as the last', async () => {
    const { id } = await report('raced');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => amend(id, 'correct', { inputTokens: 10 + index })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const history = (await application.log()).filter(
      ({ type, data }) => type === 'TokenUsageCorrected' && 'id' in data && data.id === id,
    );
    const last = history.at(-1)?.data as { inputTokens: number };
    const newest =
      answers
        .map(({ headers }) => headers.get('x-mc-position') ?? '')
        .toSorted()
        .at(-1) ?? '';
    const { body } = await application.call('GET', `/api/tokens?action=stats&atLeast=${newest}`);
    expect(body.agents.raced).toMatchObject({ requestCount: 1, inputTokens: last.inputTokens });
  });
});
