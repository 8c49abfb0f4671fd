import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
  const answer = await application.call(method, path, body === undefined ? {} : { body });
  expect([method, path, answer.status, answer.body]).toMatchObject([method, path, expect.any(Number), {}]);
  expect(answer.status).toBeLessThan(300);
  return answer;
};
const create = async (name: string) => (await call('POST', '/api/agents', { name, role: 'dev' })).body.agent;
const asOf = (reference: string | number, moment: string | number | null | undefined, key = testKeys.admin) =>
  application.call('GET', `/api/agents/${reference}?asOf=${encodeURIComponent(String(moment))}`, { key });
const isoOf = (ms: number) => new Date(ms).toISOString();
const positionOf = ({ headers }: Answer) => headers.get('x-mc-position');
const asShown = (agent: object) => ({ ...agent, taskStats: null });

/** The facts of an agent's own stream, oldest first. */
async function factsOf(agentId: number) {
  const { body } = await call('GET', `/api/audit/events?stream=agent-${agentId}`);
  return body.events as readonly { readonly position: string; readonly recordedAt: string }[];
}

describe('an agent of the past', () => {
  it('is shown as its page showed it then, whatever changed since', async () => {
    const { id } = await create('changing');
    const name = 'changing';
    const steps: readonly (() => Promise<Answer>)[] = [
      () => call('PUT', '/api/agents', { name, status: 'idle', last_activity: 'waking up', config: { a: 1 } }),
      () => call('PUT', `/api/agents/${id}/memory`, { working_memory: 'one' }),
      () => call('PUT', `/api/agents/${id}/memory`, { working_memory: 'two', append: true }),
      () => call('POST', '/api/connect', { tool_name: 'codex', agent_name: name }),
      () => call('POST', `/api/agents/${id}/heartbeat`, { status: 'busy', last_activity: 'testing' }),
      () => call('POST', `/api/agents/${id}/heartbeat`),
      () => call('PUT', '/api/agents', { name, last_activity: 'told so', role: 'reviewer' }),
      () => call('DELETE', `/api/agents/${id}/memory`),
      () => call('POST', '/api/connect', { tool_name: 'claude-code', agent_name: name }),
      () => call('PUT', `/api/agents/${id}/soul`, { soul_content: 'calm' }),
    ];
    const shown: { readonly position: string | null; readonly agent: object }[] = [];
    for (const step of steps) {
      const answer = await step();
      const { body } = await application.read(`/api/agents/${id}`, answer.headers);
      shown.push({ position: positionOf(answer), agent: asShown(body.agent) });
    }

    for (const { position, agent } of shown) {
      const { status, body } = await asOf(id, position);
      expect([status, body]).toEqual([200, { agent, asOf: { position, recordedAt: expect.any(String) } }]);
      expect((await asOf(name, body.asOf.position)).body).toEqual(body);
    }
    expect((await asOf(id, new Date().toISOString())).body.agent).toEqual(shown.at(-1)?.agent);
  });

  it('is found by position, ISO 8601 and unix seconds: between two changes with what was before the second', async () => {
    const { id } = await create('timed');
    await call('PUT', '/api/agents', { name: 'timed', role: 'second' });
    const [created, changed] = await factsOf(id);
    const changedMs = Date.parse(changed?.recordedAt ?? '');

    for (const moment of [created?.position, created?.recordedAt, isoOf(changedMs - 1), (changedMs - 1) / 1_000]) {
      expect([moment, (await asOf(id, moment)).body]).toMatchObject([
        moment,
        { agent: { role: 'dev' }, asOf: { position: created?.position, recordedAt: created?.recordedAt } },
      ]);
    }
    for (const moment of [changed?.position, changed?.recordedAt, isoOf(changedMs), changedMs / 1_000]) {
      expect([moment, (await asOf(id, moment)).body]).toMatchObject([moment, { agent: { role: 'second' } }]);
    }
  });

  it('is 404 before its birth and after its end, by id and by name', async () => {
    const earlier = positionOf(await call('POST', '/api/agents', { name: 'earlier', role: 'dev' }));
    const { id } = await create('mortal');
    const [born] = await factsOf(id);
    const ended = positionOf(await call('DELETE', `/api/agents/${id}`));
    const again = await create('mortal');

    for (const reference of [id, 'mortal']) {
      for (const moment of [earlier, '2020-01-01T00:00:00Z', 1000, ended]) {
        expect([reference, moment, await asOf(reference, moment)]).toMatchObject([
          reference,
          moment,
          { status: 404, body: { error: 'Agent not found' } },
        ]);
      }
      expect((await asOf(reference, born?.position)).body).toMatchObject({ agent: { id, name: 'mortal' } });
    }
    expect((await asOf('mortal', new Date().toISOString())).body).toMatchObject({ agent: { id: again.id } });
    expect(await asOf(999_999_999, ended)).toMatchObject({ status: 404 });
  });

  it('goes by the name that it had then', async () => {
    const { id } = await create('maiden');
    const [born] = await factsOf(id);
    await call('PUT', `/api/agents/${id}`, { name: 'married' });
    const next = await create('maiden');
    const [, renamed] = await factsOf(id);

    expect((await asOf('maiden', born?.position)).body).toMatchObject({ agent: { id, name: 'maiden' } });
    expect(await asOf('married', born?.position)).toMatchObject({ status: 404 });
    expect((await asOf('married', renamed?.position)).body).toMatchObject({ agent: { id, name: 'married' } });
    expect(await asOf('maiden', renamed?.position)).toMatchObject({ status: 404 });
    const now = new Date().toISOString();
    expect((await asOf('maiden', now)).body).toMatchObject({ agent: { id: next.id } });
  });

  it('is refused in the future and when malformed', async () => {
    const { id } = await create('refused');
    const bad = ['2999-01-01T00:00:00Z', 4_102_444_800, 'yesterday', '', '1-00', `1-${'f'.repeat(32)}-00000000`];
    for (const moment of bad) {
      expect([moment, (await asOf(id, moment)).status]).toEqual([moment, 400]);
    }
    const generation = positionOf(await application.call('GET', '/api/agents'))?.slice(-8);
    expect(await asOf(id, `1-${'f'.repeat(32)}-${generation}`)).toMatchObject({
      status: 400,
      body: { error: 'asOf is in the future' },
    });
    const twice = await application.call('GET', `/api/agents/${id}?asOf=1000&asOf=1000`);
    expect(twice).toMatchObject({ status: 400 });
  });

  it('is for admins and auditors, whether there was such an agent or not', async () => {
    const { id } = await create('guarded');
    const key = async (path: string, body: object) => (await call('POST', path, body)).body.api_key;
    const auditor = await key('/api/keys', { role: 'viewer', scopes: ['auditor'] });
    const own = await key(`/api/agents/${id}/keys`, { scopes: ['operator', 'agent:self'] });
    const now = new Date().toISOString();

    expect(await asOf(id, now, auditor)).toMatchObject({ status: 200, body: { agent: { id } } });
    for (const other of [testKeys.viewer, testKeys.operator, own]) {
      for (const reference of [id, 'nobody']) {
        expect(await asOf(reference, now, other)).toMatchObject({
          status: 403,
          body: { error: 'Requires admin role or higher' },
        });
      }
    }
  });
});
