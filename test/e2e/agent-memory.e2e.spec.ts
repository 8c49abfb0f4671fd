import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const agent = async (name: string) =>
  (await call('POST', '/api/agents', { name, role: 'dev' })).body.agent.id as number;
const memories = async (agentId: number) =>
  (await application.log()).filter(({ stream }) => stream === `agentmemory-${agentId}`).map(({ type }) => type);

describe('the working memory of an agent', () => {
  it('is empty, set, added to and emptied; every answer and the agent itself show it', async () => {
    const id = await agent('thinker');
    const path = '/api/agents/thinker/memory';
    expect((await call('GET', path)).body).toEqual({
      agent: { id, name: 'thinker', role: 'dev' },
      working_memory: '',
      source: 'none',
      updated_at: null,
      size: 0,
    });
    expect(await call('PUT', path, { working_memory: 'grün' })).toMatchObject({
      status: 200,
      body: { success: true, working_memory: 'grün', size: 5, updated_at: expect.any(Number) },
    });
    expect((await call('PUT', path, { working_memory: 'rot', append: true })).body).toMatchObject({
      working_memory: 'grün\n\nrot',
      size: 10,
    });
    expect((await call('GET', path)).body).toMatchObject({
      working_memory: 'grün\n\nrot',
      source: 'database',
      size: 10,
    });
    expect((await call('GET', `/api/agents/${id}`)).body.agent.working_memory).toBe('grün\n\nrot');
    expect((await call('GET', '/api/agents?role=dev')).body.agents[0].working_memory).toBe('grün\n\nrot');
    expect((await call('DELETE', path)).body).toMatchObject({ success: true, working_memory: '' });
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('GET', path)).body).toMatchObject({ working_memory: '', source: 'none', size: 0 });
    expect(await memories(id)).toEqual(['AgentMemoryWritten', 'AgentMemoryAppended', 'AgentMemoryCleared']);
  });

  it('holds 512 KiB, and more is 413 and changes nothing', async () => {
    const id = await agent('full');
    const full = 'x'.repeat(512 * 1024);
    expect((await call('PUT', '/api/agents/full/memory', { working_memory: full })).status).toBe(200);
    for (const body of [{ working_memory: `${full}x` }, { working_memory: 'x', append: true }]) {
      expect(await call('PUT', '/api/agents/full/memory', body)).toMatchObject({
        status: 413,
        body: { error: 'Working memory is limited to 512 KiB' },
      });
    }
    expect((await call('GET', '/api/agents/full/memory')).body.size).toBe(512 * 1024);
    expect(await memories(id)).toEqual(['AgentMemoryWritten']);
  });

  it('is added to once for one Idempotency-Key, and by everybody who adds at the same time', async () => {
    const id = await agent('busy');
    const add = (text: string, key: string) =>
      call(
        'PUT',
        '/api/agents/busy/memory',
        { working_memory: text, append: true },
        { headers: { 'idempotency-key': key } },
      );
    const first = await add('once', 'k');
    expect((await add('once', 'k')).body).toEqual(first.body);
    await Promise.all(Array.from({ length: 8 }, (_, index) => add(`line ${index}`, `k${index}`)));
    const { body } = await call('GET', '/api/agents/busy/memory');
    expect(body.working_memory.split('\n\n').toSorted()).toEqual([
      ...Array.from({ length: 8 }, (_, index) => `line ${index}`),
      'once',
    ]);
    expect(await memories(id)).toHaveLength(9);
  });

  it('is told as an activity that does not repeat it', async () => {
    await agent('discreet');
    await call('PUT', '/api/agents/discreet/memory', { working_memory: 'a secret thought' });
    const response = await fetch(`${application.urls[0]}/api/events?types=activity&from=earliest`, {
      headers: { 'x-api-key': testKeys.admin },
    });
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes('discreet')) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) break;
      text += Buffer.from(value ?? []).toString();
    }
    await reader?.cancel();
    expect(text).toContain('"type":"agent_memory_updated"');
    expect(text).not.toContain('a secret thought');
  });

  it('is read by viewers and written by operators; an unknown agent has none', async () => {
    await agent('guarded');
    const path = '/api/agents/guarded/memory';
    expect((await call('GET', path, undefined, { key: testKeys.viewer })).status).toBe(200);
    expect((await call('PUT', path, { working_memory: 'x' }, { key: testKeys.viewer })).status).toBe(403);
    expect((await call('DELETE', path, undefined, { key: testKeys.viewer })).status).toBe(403);
    expect((await call('PUT', path, { working_memory: 'x' }, { key: testKeys.operator })).status).toBe(200);
    for (const method of ['GET', 'DELETE']) expect((await call(method, '/api/agents/nobody/memory')).status).toBe(404);
    expect((await call('PUT', path, { working_memory: 7 })).status).toBe(400);
    expect((await call('PUT', path, {})).status).toBe(400);
  });
});

describe('the soul of an agent', () => {
  it('is set, emptied with null and shown by the agent', async () => {
    const id = await agent('soulful');
    const path = '/api/agents/soulful/soul';
    expect((await call('GET', path)).body).toEqual({
      agent: { id, name: 'soulful', role: 'dev' },
      soul_content: '',
      updated_at: expect.any(Number),
    });
    expect(await call('PUT', path, { soul_content: 'calm' })).toMatchObject({
      status: 200,
      body: { success: true, soul_content: 'calm', agent: { id } },
    });
    expect((await call('GET', `/api/agents/${id}`)).body.agent.soul_content).toBe('calm');
    expect((await call('PUT', path, { soul_content: null })).body.soul_content).toBe('');
    expect((await call('PUT', path, { soul_content: 's'.repeat(50_001) })).status).toBe(400);
    expect((await call('PUT', path, {})).status).toBe(400);
    expect((await call('GET', '/api/agents/nobody/soul')).status).toBe(404);
  });
});
