import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendCallback } from '../../cli/callback/send-callback.js';
import { type Answer, type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { openStream } from '../support/sse-client.js';
import { testKeys } from '../support/http-app.js';

interface Sending {
  readonly id?: string;
  readonly secret?: string;
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
  readonly secondsOff?: number;
  readonly replica?: number;
  readonly path?: string;
}

describe('signed callbacks', () => {
  let app: Application;
  let agents = 0;

  beforeAll(async () => {
    app = await startApplication({ replicas: 2 });
  }, 120_000);
  afterAll(() => app.close(), 60_000);

  async function newAgent(): Promise<{ id: number; name: string; secret: string }> {
    const name = `caller-${(agents += 1)}`;
    const created = await app.call('POST', '/api/agents', { body: { name, role: 'coder' } });
    const { id } = created.body.agent;
    const issued = await app.call('POST', `/api/agents/${id}/callback-secrets`, { body: {} });
    expect(issued.status).toBe(201);
    return { id, name, secret: issued.body.secret };
  }

  async function newTask(assignee: string, status = 'assigned'): Promise<number> {
    const created = await app.call('POST', '/api/tasks', { body: { title: 'Fix it', assigned_to: assignee, status } });
    expect(created.status).toBe(201);
    return created.body.task.id;
  }

  async function send(agent: string | number, sending: Sending): Promise<Answer> {
    const { id = randomUUID(), secret, secondsOff = 0, replica = 0 } = sending;
    const body = Buffer.from(sending.body);
    const timestamp = String(Math.floor(Date.now() / 1_000) + secondsOff);
    const key = Buffer.from((secret ?? '').replace('whsec_', ''), 'base64');
    const mac = createHmac('sha256', key)
      .update(Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]))
      .digest('base64');
    const signed =
      secret === undefined
        ? {}
        : { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
    return post(`${app.urls[replica]}${sending.path ?? `/api/callbacks/${agent}`}`, body, {
      ...signed,
      ...sending.headers,
    });
  }

  async function post(url: string, body: Buffer, headers: Record<string, string>): Promise<Answer> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  const completed = (taskId: number, summary = 'Done') =>
    JSON.stringify({ type: 'task.completed', timestamp: '2026-01-01T00:00:00Z', data: { taskId, summary } });
  const factsOf = async (agentId: number) =>
    (await app.log()).filter(({ stream }) => stream.startsWith(`callback-${agentId}_`)).map(({ type }) => type);
  const task = async (taskId: number) => (await app.call('GET', `/api/tasks/${taskId}`)).body.task;

  it('of completion bring the task to review, with what was said, and never to done', async () => {
    const { id, name, secret } = await newAgent();
    const taskId = await newTask(name);
    const answer = await send(name, { id: 'cb-1', secret, body: completed(taskId, 'Zoë 🚀') });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        success: true,
        accepted: true,
        duplicate: false,
        type: 'task.completed',
        task_id: taskId,
        task_status: 'review',
        token_recorded: false,
      },
    });
    expect(await task(taskId)).toMatchObject({ status: 'review', resolution: 'Zoë 🚀', outcome: 'success' });
    expect(await factsOf(id)).toEqual(['CallbackAccepted', 'CallbackApplied']);
  });

  it('of failure say the error and the last state; those of progress move nothing but the progress', async () => {
    const { name, secret, id } = await newAgent();
    const taskId = await newTask(name, 'in_progress');
    const progress = { type: 'task.progress', data: { task_id: String(taskId), message: 'half', progress: 50 } };
    expect((await send(id, { secret, body: JSON.stringify(progress) })).body).toMatchObject({
      task_status: 'in_progress',
    });
    expect(await task(taskId)).toMatchObject({ status: 'in_progress', progress: 50 });
    const failed = { type: 'task.failed', taskId, error: 'no disk', lastState: 'writing', outcome: 'abandoned' };
    expect((await send(id, { secret, body: JSON.stringify(failed) })).body).toMatchObject({ task_status: 'failed' });
    expect(await task(taskId)).toMatchObject({
      status: 'failed',
      error_message: 'no disk',
      last_state: 'writing',
      outcome: 'abandoned',
    });
    const late = await send(id, { secret, body: completed(taskId) });
    expect(late).toMatchObject({ status: 409, body: { error: 'Task is already failed', task_status: 'failed' } });
  });

  it('record usage once with them; usage that is wrong does not spoil them', async () => {
    const { name, secret, id } = await newAgent();
    const taskId = await newTask(name);
    const tokenUsage = { model: 'claude-sonnet-4', inputTokens: 15, outputTokens: 8 };
    const body = JSON.stringify({ type: 'task.progress', data: { taskId, message: 'on it', tokenUsage } });
    expect((await send(id, { id: 'use-1', secret, body })).body).toMatchObject({ token_recorded: true });
    expect((await send(id, { id: 'use-1', secret, body })).body).toMatchObject({
      duplicate: true,
      token_recorded: true,
    });
    const bad = JSON.stringify({
      type: 'task.progress',
      data: { message: 'x', tokenUsage: { ...tokenUsage, inputTokens: -1 } },
    });
    expect(await send(id, { secret, body: bad })).toMatchObject({
      status: 200,
      body: { token_recorded: false, token_error: expect.stringContaining('inputTokens') },
    });
    const reports = (await app.log()).filter(
      ({ type, data }) => type === 'TokenUsageReported' && 'agentId' in data && data.agentId === id,
    );
    expect(reports).toEqual([
      expect.objectContaining({
        data: expect.objectContaining({ sessionId: `${name}:callback`, taskId, eventId: `${id}:use-1` }),
      }),
    ]);
  });

  it('count once: 50 copies over two processes, and again after the task has moved', async () => {
    const { name, secret, id } = await newAgent();
    const taskId = await newTask(name);
    const copies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => send(name, { id: 'same', secret, body: completed(taskId), replica: i % 2 })),
    );
    expect(copies.map(({ status }) => status)).toEqual(copies.map(() => 200));
    expect(copies.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
    expect(new Set(copies.map(({ body }) => body.callback_id)).size).toBe(1);
    await app.call('PUT', `/api/tasks/${taskId}`, { body: { status: 'inbox', assigned_to: null } });
    expect(await send(name, { id: 'same', secret, body: completed(taskId) })).toMatchObject({
      status: 200,
      body: { duplicate: true, task_status: 'review' },
    });
    expect(await task(taskId)).toMatchObject({ status: 'inbox' });
    expect(await factsOf(id)).toEqual(['CallbackAccepted', 'CallbackApplied']);
  });

  it('with two bodies under one id: one is taken, the other is a conflict', async () => {
    const { name, secret, id } = await newAgent();
    const taskId = await newTask(name);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        send(name, { id: 'two', secret, body: completed(taskId, `n${i % 2}`), replica: i % 2 }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
    expect(answers.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
    expect(answers.find(({ status }) => status === 409)?.body).toEqual({
      error: 'webhook-id already used with different content',
    });
    expect((await factsOf(id)).filter((type) => type === 'CallbackAccepted')).toHaveLength(1);
  });

  it('are refused alike, whatever was wrong, and spend no id', async () => {
    const { name, secret } = await newAgent();
    const other = await newAgent();
    const taskId = await newTask(name);
    const body = completed(taskId);
    const before = (await app.log()).length;
    const refused = [
      await send(name, { body }),
      await send(name, { secret: other.secret, body }),
      await send(other.name, { secret, body }),
      await send('nobody', { secret, body }),
      await send(999_999, { secret, body }),
      await send(name, { secret, body, secondsOff: -302 }),
      await send(name, { secret, body, secondsOff: 302 }),
      await send(name, { id: 'a.b', secret, body }),
      await send(name, { secret, body: '{', headers: { 'webhook-signature': 'v1,AAAA' } }),
      await send(name, {
        body,
        headers: { 'x-webhook-signature': createHmac('sha256', secret).update(body).digest('hex') },
      }),
    ];
    for (const answer of refused) {
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 401,
        body: { error: 'Invalid signature' },
      });
    }
    expect(new Set(refused.map(({ headers }) => headers.get('content-length'))).size).toBe(1);
    expect((await app.log()).length).toBe(before);
    expect((await send(name, { secret, body })).status).toBe(200);
  });

  it.each([
    ['an empty body', '', 400],
    ['no JSON', '{', 400],
    ['a byte order mark', '\ufeff{}', 400],
    ['a list', '[]', 400],
    ['no type', '{"data":{}}', 400],
    ['an unknown type', '{"type":"task.approved","data":{"taskId":1}}', 400],
    ['an unknown field beside the data', '{"type":"task.progress","data":{"message":"x"},"extra":1}', 400],
    ['an identity of its own', '{"type":"task.progress","data":{"message":"x","agent_id":1}}', 400],
    ['a field in both spellings', '{"type":"task.completed","data":{"taskId":1,"task_id":1}}', 400],
    ['no task', '{"type":"task.completed","data":{"summary":"x"}}', 400],
    ['no error', '{"type":"task.failed","data":{"taskId":1}}', 400],
    ['progress beyond the end', '{"type":"task.progress","data":{"message":"x","progress":101}}', 400],
    ['a wrong outcome', '{"type":"task.completed","data":{"taskId":1,"outcome":"failed"}}', 400],
    ['a forbidden key', '{"type":"task.progress","data":{"message":"x","__proto__":{}}}', 400],
    ['a number beyond all doubles', '{"type":"task.progress","data":{"message":"x","progress":1e400}}', 400],
    ['a task that is not there', '{"type":"task.completed","data":{"taskId":99999999}}', 404],
  ])('with %s are refused and spend no id', async (_, body, status) => {
    const { name, secret, id } = await newAgent();
    expect(await send(name, { id: 'bad', secret, body })).toMatchObject({
      status,
      body: { error: expect.any(String) },
    });
    expect(await factsOf(id)).toEqual([]);
    const good = '{"type":"task.progress","data":{"message":"hello"}}';
    expect((await send(name, { id: 'bad', secret, body: good })).body).toMatchObject({ duplicate: false });
  });

  it('of another agent’s task are not found', async () => {
    const { secret, name } = await newAgent();
    const other = await newAgent();
    const taskId = await newTask(other.name);
    expect(await send(name, { secret, body: completed(taskId) })).toMatchObject({
      status: 404,
      body: { error: 'Task not found' },
    });
  });

  it('are judged by size and type before the signature', async () => {
    const { name, secret } = await newAgent();
    const text = (length: number) => `{"type":"task.progress","data":{"message":"x"${' '.repeat(length - 47)}}}`;
    expect(Buffer.byteLength(text(262_144))).toBe(262_144);
    expect((await send(name, { secret, body: text(262_144) })).status).toBe(200);
    expect((await send(name, { secret, body: text(262_145) })).status).toBe(413);
    for (const type of ['text/plain', 'application/json; charset=latin1', 'application/x-ndjson']) {
      expect((await send(name, { secret, body: '{}', headers: { 'content-type': type } })).status).toBe(415);
    }
    expect((await send(name, { secret, body: '{}', headers: { 'content-encoding': 'gzip' } })).status).toBe(415);
    const get = await fetch(`${app.urls[0]}/api/callbacks/${name}`);
    expect(get.status).toBe(401);
    const withKey = await fetch(`${app.urls[0]}/api/callbacks/${name}`, { headers: { 'x-api-key': testKeys.admin } });
    expect([withKey.status, withKey.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('go on over a rotation: the old secret signs until its grace is over', async () => {
    const { name, secret, id } = await newAgent();
    const path = `/api/agents/${id}/callback-secrets`;
    const progress = '{"type":"task.progress","data":{"message":"x"}}';
    const second = (await app.call('POST', path, { body: { grace_seconds: 3_600 } })).body;
    expect(second).toMatchObject({ id: 2, previous_valid_until: expect.any(Number) });
    expect((await send(name, { secret, body: progress, replica: 1 })).status).toBe(200);
    expect((await send(name, { secret: second.secret, body: progress, replica: 1 })).status).toBe(200);
    const listed = (await app.call('GET', path)).body;
    expect(listed).toMatchObject({
      legacy_allowed: false,
      secrets: [
        { id: 2, use_count: 1 },
        { id: 1, use_count: 1 },
      ],
    });
    expect(JSON.stringify(listed)).not.toContain('whsec_');
    const third = (await app.call('POST', path, { body: { grace_seconds: 0 } })).body;
    await eventually(
      'the second one has ended',
      async () => (await send(name, { secret: second.secret, body: progress })).status === 401,
    );
    expect((await send(name, { secret: third.secret, body: progress })).status).toBe(200);
    await app.call('DELETE', path, { body: { id: 3 } });
    await eventually(
      'the third one has ended',
      async () => (await send(name, { secret: third.secret, body: progress, replica: 1 })).status === 401,
    );
  });

  it('have at most five live secrets, shown once and never kept', async () => {
    const { id } = await newAgent();
    const path = `/api/agents/${id}/callback-secrets`;
    const headers = { 'idempotency-key': `secret-${id}` };
    const first = await app.call('POST', path, { body: {}, headers });
    const again = await app.call('POST', path, { body: {}, headers });
    expect(again.body).toEqual(first.body);
    for (let i = 0; i < 3; i += 1) expect((await app.call('POST', path, { body: {} })).status).toBe(201);
    expect(await app.call('POST', path, { body: {} })).toMatchObject({ status: 422 });
    const log = JSON.stringify(await app.log(), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(log).not.toContain(first.body.secret);
    expect(log).not.toContain('whsec_');
  });

  it('by the compatibility scheme are taken once it is allowed, and only then', async () => {
    const { name, secret, id } = await newAgent();
    const taskId = await newTask(name);
    const path = '/api/webhooks/agent-completion';
    const hex = (body: string) => createHmac('sha256', secret).update(body).digest('hex');
    const body = JSON.stringify({ task_id: taskId, summary: 'fine' });
    const legacy = { path: `${path}?agent=${name}`, body, headers: { 'x-webhook-signature': hex(body) } };
    expect((await send('', legacy)).status).toBe(401);
    const allowed = await app.call('PUT', `/api/agents/${id}/callback-secrets`, { body: { legacy_allowed: true } });
    expect(allowed.status).toBe(200);
    expect(await send('', legacy)).toMatchObject({
      status: 200,
      body: { success: true, task_id: taskId, agent_id: id, summary: 'fine', new_status: 'review', duplicate: false },
    });
    expect((await send('', { ...legacy, path })).body).toMatchObject({ duplicate: true });
    const session = JSON.stringify({ session_id: 's', message: 'TASK_COMPLETE: all good' });
    const byName = { path, body: session, headers: { 'x-hub-signature-256': `sha256=${hex(session)}` } };
    expect(await send('', byName)).toMatchObject({ status: 404 });
    const open = await newTask(name);
    expect(await send('', byName)).toMatchObject({ status: 200, body: { task_id: open, new_status: 'review' } });
    await newTask(name);
    await newTask(name);
    const more = JSON.stringify({ session_id: 't', message: 'TASK_COMPLETE: again' });
    expect(await send('', { path, body: more, headers: { 'x-webhook-signature': hex(more) } })).toMatchObject({
      status: 409,
      body: { error: 'Name the task' },
    });
  });

  it('are signed with a secret that was made elsewhere, by the compatibility scheme alone, for one agent', async () => {
    const { name, id } = await newAgent();
    const other = await newAgent();
    const path = `/api/agents/${id}/callback-secrets`;
    const made = `made-elsewhere-${randomUUID()}`;
    for (const bad of ['short', 'abababababababababababababab', `with blanks ${made}`, 'x'.repeat(513)]) {
      expect(await app.call('POST', path, { body: { import: bad } })).toMatchObject({ status: 400 });
    }
    const imported = await app.call('POST', path, { body: { import: made } });
    expect(imported).toMatchObject({ status: 201, body: { id: 2, secret: null, imported: true } });
    expect(await app.call('POST', path, { body: { import: made } })).toMatchObject({ status: 409 });
    const elsewhere = `/api/agents/${other.id}/callback-secrets`;
    expect(await app.call('POST', elsewhere, { body: { import: made } })).toMatchObject({
      status: 409,
      body: { error: 'The secret signs for another agent; each agent needs its own' },
    });
    await app.call('PUT', path, { body: { legacy_allowed: true } });
    const body = JSON.stringify({ task_id: await newTask(name), summary: 'by an old sender' });
    const mac = createHmac('sha256', made).update(body).digest('hex');
    const legacy = { body, headers: { 'x-webhook-signature': mac }, path: `/api/callbacks/${name}` };
    expect((await send(name, { ...legacy, replica: 1 })).status).toBe(200);
    const native = Buffer.from(made).toString('base64');
    expect((await send(name, { secret: `whsec_${native}`, body })).status).toBe(401);
    expect((await send(other.name, { ...legacy, path: `/api/callbacks/${other.name}` })).status).toBe(401);
    const log = JSON.stringify(await app.log(), (_, value: unknown) => (typeof value === 'bigint' ? '' : value));
    expect(log).not.toContain(made);
    await app.call('DELETE', path, { body: { id: 2 } });
    const again = JSON.stringify({ task_id: await newTask(name), summary: 'too late' });
    const late = createHmac('sha256', made).update(again).digest('hex');
    await eventually(
      'it has ended',
      async () =>
        (await send(name, { ...legacy, body: again, headers: { 'x-webhook-signature': late } })).status === 401,
    );
    expect((await app.call('POST', elsewhere, { body: { import: made } })).status).toBe(201);
  });

  it('reach listeners as they are stored: the callback, then what it did', async () => {
    const { name, secret } = await newAgent();
    const taskId = await newTask(name);
    const stream = await openStream(`${app.urls[1]}/api/events?agent=${name}&types=callback,task`, {
      headers: { 'x-api-key': testKeys.viewer },
    });
    await eventually('the stream is open', () => stream.events.length > 0);
    await send(name, { id: 'seen', secret, body: completed(taskId) });
    const frames = await eventually('both frames', () => {
      const found = stream.events.map(({ data }) => JSON.parse(data)).filter(({ type }) => type !== 'connected');
      return found.length === 2 ? found : undefined;
    });
    stream.cut();
    expect(frames).toMatchObject([
      { type: 'callback.received', data: { agent_name: name, delivery_id: 'seen', task_id: taskId, message: 'Done' } },
      { type: 'task.status_changed', data: { id: taskId, status: 'review', reason: 'callback_completed' } },
    ]);
  });

  it('that a process accepted before it died take effect without a copy', async () => {
    const { name, id } = await newAgent();
    const taskId = await newTask(name);
    const deliveryKey = 'e'.repeat(64);
    const recordedAt = new Date(Date.now() - 60_000).toISOString();
    const accepted = {
      id: randomUUID(),
      type: 'CallbackAccepted',
      data: {
        agentId: id,
        agentName: name,
        deliveryKey,
        scheme: 'native',
        senderId: 'left-alone',
        secretId: 1,
        bodyDigest: 'f'.repeat(64),
        report: {
          type: 'task.completed',
          taskId,
          message: 'left alone',
          progress: null,
          lastState: null,
          outcome: 'success',
          tokenUsage: null,
        },
      },
      metadata: {
        workspaceId: 1,
        correlationId: randomUUID(),
        causationId: randomUUID(),
        actor: { kind: 'agent', id: String(id), name },
        occurredAt: recordedAt,
        recordedAt,
      },
    } as const;
    await app.store.append(`callback-${id}_${deliveryKey}`, [accepted], 'no_stream');
    await eventually('its effect', async () => (await factsOf(id)).includes('CallbackApplied'), 30_000);
    expect(await task(taskId)).toMatchObject({ status: 'review', resolution: 'left alone' });
    expect(await factsOf(id)).toEqual(['CallbackAccepted', 'CallbackApplied']);
  });

  it('are what the client sends', async () => {
    const { name, secret } = await newAgent();
    const taskId = await newTask(name);
    const url = `${app.urls[0]}/api/callbacks/${name}`;
    const content = { type: 'task.completed', data: { taskId, summary: 'by the client' } } as const;
    expect(await sendCallback(content, { url, secret })).toMatchObject({
      kind: 'delivered',
      attempts: 1,
      answer: { task_status: 'review' },
    });
    expect(await sendCallback(content, { url, secret: `whsec_${Buffer.alloc(32).toString('base64')}` })).toMatchObject({
      kind: 'refused',
      status: 401,
    });
  });
});
