import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  await application.close();
});

const call = (method: string, path: string, body: unknown, replica: number, headers: Record<string, string> = {}) =>
  application.call(method, path, { body, replica, headers });
const connect = (agentName: string, replica: number) =>
  call('POST', '/api/connect', { tool_name: 't', agent_name: agentName }, replica);

describe('a task that one process has changed', () => {
  it('is shown as it is by every other process at once, and not at all once it is deleted', async () => {
    const { body } = await call('POST', '/api/tasks', { title: 'Seen by all' }, 0);
    const path = `/api/tasks/${body.task.id}`;
    const seen = [];
    for (let revision = 1; revision <= 60; revision += 1) {
      const writer = revision % 2;
      const changed = await call('PUT', path, { title: `Seen by all ${revision}` }, writer);
      const { body: shown } = await call('GET', path, undefined, 1 - writer);
      if (shown.task.revision !== changed.body.task.revision) seen.push([shown.task.revision, revision]);
    }
    expect(seen).toEqual([]);
    await call('DELETE', path, undefined, 0);
    expect(await call('GET', path, undefined, 1)).toMatchObject({ status: 404 });
    expect(await call('GET', `${path}/comments`, undefined, 1)).toMatchObject({ status: 404 });
  });
});

interface Life {
  name: string | undefined;
  isRetired: boolean;
  epochs: number[];
  open: string[];
}

/** What the log says of every agent, folded here by hand and independently of the program. */
async function lives(): Promise<ReadonlyMap<number, Life>> {
  const found = new Map<number, Life>();
  for (const { stream, type, data } of await application.log()) {
    if (!stream.startsWith('agent-')) continue;
    const fields = data as Record<string, unknown>;
    const id = Number(fields['agentId']);
    const life = found.get(id) ?? { name: undefined, isRetired: false, epochs: [], open: [] };
    found.set(id, life);
    expect(life.isRetired).toBe(false);
    if (type === 'AgentRegistered' || type === 'AgentRenamed') life.name = String(fields['name']);
    if (type === 'AgentRetired') Object.assign(life, { isRetired: true, name: undefined });
    if (type === 'ConnectionOpened') {
      life.epochs.push(Number(fields['epoch']));
      life.open.push(String(fields['connectionId']));
      expect(fields['agentName']).toBe(life.name);
    }
    if (type === 'ConnectionClosed') life.open = life.open.filter((id_) => id_ !== fields['connectionId']);
    expect(life.open.length).toBeLessThanOrEqual(1);
  }
  return found;
}

async function expectSoundLog(): Promise<void> {
  const all = [...(await lives()).values()];
  for (const { epochs } of all) expect(epochs).toEqual(epochs.map((_, index) => index + 1));
  const names = all.flatMap(({ name }) => name ?? []);
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
}

describe('at the same moment', () => {
  it('64 connects, deletes and renames of one name leave one agent a name, one connection an agent, no 5xx', async () => {
    const first = await connect('contested', 0);
    const answers = await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const replica = index % 2;
        if (index % 16 === 7) return call('DELETE', '/api/agents/contested', undefined, replica);
        if (index % 16 === 11) return call('PUT', '/api/agents/contested', { name: `moved-${index}` }, replica);
        if (index % 16 === 13) return call('PUT', `/api/agents/${first.body.agent_id}`, { name: 'contested' }, replica);
        return connect('contested', replica);
      }),
    );
    const unexpected = answers.filter(({ status }) => ![200, 404, 409].includes(status));
    expect(unexpected.map(({ status, body }) => [status, body])).toEqual([]);
    await expectSoundLog();
    const last = await connect('contested', 1);
    expect(last).toMatchObject({ status: 200 });
    const { body } = await application.read(`/api/connect?status=connected&agent=${last.body.agent_id}`, last.headers);
    expect(body.connections).toMatchObject([{ connection_id: last.body.connection_id, agent_name: 'contested' }]);
  });

  it('renames to and fro never share a name with a connect', async () => {
    const { body } = await connect('swing-a', 0);
    for (let round = 0; round < 6; round += 1) {
      const answers = await Promise.all([
        call('PUT', `/api/agents/${body.agent_id}`, { name: 'swing-b' }, 0),
        call('PUT', `/api/agents/${body.agent_id}`, { name: 'swing-a' }, 1),
        connect('swing-a', 0),
        connect('swing-b', 1),
        call('PUT', `/api/agents/${body.agent_id}`, { name: 'swing-b' }, 1),
        connect('swing-a', 1),
      ]);
      for (const answer of answers) expect([200, 404, 409]).toContain(answer.status);
      await expectSoundLog();
    }
    for (const name of ['swing-a', 'swing-b']) {
      const found = await connect(name, 0);
      expect(found).toMatchObject({ status: 200, body: { agent_name: name } });
      const shown = await application.read(`/api/agents/${name}`, found.headers);
      expect(shown.body.agent).toMatchObject({ id: found.body.agent_id, name });
    }
    await expectSoundLog();
  });

  it('an agent that is deleted while it beats is gone for its next beat, and stays gone', async () => {
    const { body } = await connect('doomed', 0);
    const gone = new AbortController();
    const beats = Array.from({ length: 8 }, async (_, index) => {
      const seen: number[] = [];
      while (!gone.signal.aborted || seen.at(-1) === 200) {
        const beat = { connection_id: body.connection_id, status: index % 2 ? 'busy' : 'idle' };
        seen.push((await call('POST', body.heartbeat_url, beat, index % 2)).status);
      }
      return seen;
    });
    const deleted = await call('DELETE', '/api/agents/doomed', undefined, 1);
    gone.abort();
    expect(deleted.status).toBe(200);
    for (const seen of await Promise.all(beats)) {
      expect(seen.filter((status) => ![200, 404, 409].includes(status))).toEqual([]);
      expect(seen.indexOf(404) === -1 || !seen.slice(seen.indexOf(404)).includes(200)).toBe(true);
    }
    const types = (await application.log())
      .filter(({ stream }) => stream === `agent-${body.agent_id}`)
      .map(({ type }) => type);
    expect(types.slice(-2)).toEqual(['ConnectionClosed', 'AgentRetired']);
    expect((await connect('doomed', 0)).body.agent_id).not.toBe(body.agent_id);
  });

  it('50 copies of one report count once, alone and in batches, over two processes', async () => {
    const report = { eventId: 'copied', model: 'm', sessionId: 'copier:x', inputTokens: 7, outputTokens: 1 };
    const others = ['a', 'b', 'c'].map((id) => ({ ...report, eventId: `copied-${id}` }));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        call('POST', '/api/tokens', index % 5 === 0 ? [report, ...others, report] : report, index % 2),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const fresh = answers.reduce((sum, { body }) => sum + (body.recorded ?? (body.duplicate === false ? 1 : 0)), 0);
    expect(fresh).toBe(4);
    const events = (await application.log()).filter(({ type }) => type === 'TokenUsageReported');
    expect(events).toHaveLength(4);
    const stats = await application.read('/api/tokens?action=stats', answers.at(-1)?.headers);
    expect(stats.body.agents.copier).toMatchObject({ requestCount: 4, inputTokens: 28 });

    const restarted = await startApplication({ on: application, replicas: 2 });
    try {
      const copies = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          restarted.call('POST', '/api/tokens', { body: report, replica: index % 2 }),
        ),
      );
      expect(copies.filter(({ status, body }) => status !== 200 || body.duplicate !== true)).toEqual([]);
      expect(new Set(copies.map(({ body }) => JSON.stringify(body.record))).size).toBe(1);
      const after = await restarted.read('/api/tokens?action=stats', copies.at(-1)?.headers);
      expect(after.body.agents.copier).toEqual(stats.body.agents.copier);
    } finally {
      await restarted.close();
    }
  });
});
