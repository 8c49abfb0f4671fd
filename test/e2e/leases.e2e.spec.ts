import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { type Application, startApplication, startStoreAndDatabase } from '../support/application.js';
import { eventually } from '../support/eventually.js';

const LEASE_SECONDS = 3;
const config = { taskLeaseSeconds: LEASE_SECONDS };

let parts: Awaited<ReturnType<typeof startStoreAndDatabase>>;
/** Each with every role: two api processes, two lease monitors. */
let applications: Application[] = [];

const any = (): Application => {
  const [first] = applications;
  if (first === undefined) throw new Error('nothing runs');
  return first;
};
const call = (method: string, path: string, body?: unknown, on = any()) =>
  on.call(method, path, body === undefined ? {} : { body });
const poll = (agent: string) => call('GET', `/api/tasks/queue?agent=${agent}`);

async function newTask(fields: object): Promise<number> {
  const { body, headers } = await call('POST', '/api/tasks', { title: 'A task', ...fields });
  await any().read('/api/tasks?limit=1', headers);
  return body.task.id;
}

async function eventsOf(taskId: number): Promise<readonly StoredEvent[]> {
  return (await any().log()).filter(({ stream }) => stream === `task-${taskId}`);
}

const lossesOf = async (taskId: number) => (await eventsOf(taskId)).filter(({ type }) => type === 'TaskLeaseExpired');

/** Claims the task for the agent, connected or not, and resolves to the lease. */
async function claimed(agent: string, taskId: number): Promise<string> {
  const { body } = await poll(agent);
  expect(body).toMatchObject({ reason: 'assigned', task: { id: taskId } });
  return body.lease_id;
}

/** Beats at one process and then at the other until told to stop. */
async function beatUntil(stop: AbortSignal, path: string, connectionId: string): Promise<void> {
  for (let turn = 0; !stop.aborted; turn += 1) {
    const target = applications[turn % applications.length];
    await target?.call('POST', path, { body: { connection_id: connectionId } }).catch(() => undefined);
    await pause(200);
  }
}

beforeAll(async () => {
  parts = await startStoreAndDatabase();
  applications = [await startApplication({ on: parts, config }), await startApplication({ on: parts, config })];
});

afterAll(async () => {
  for (const application of applications) await application.close();
  await parts.release();
});

describe('a task whose holder falls silent', () => {
  it('is back as it was, once, whatever the number of monitors, and the late one is told', async () => {
    const [unassigned, assigned] = [await newTask({}), await newTask({ assigned_to: 'dora' })];
    const lost = await claimed('dead', unassigned);
    await claimed('dora', assigned);
    for (const taskId of [unassigned, assigned]) {
      await eventually('the lease runs out', async () => (await lossesOf(taskId)).length > 0);
    }
    const [loss] = await lossesOf(unassigned);
    expect(loss?.data).toMatchObject({ status: 'inbox', assignedTo: null, previousAssignee: 'dead', leaseId: lost });
    expect((await lossesOf(assigned))[0]?.data).toMatchObject({ status: 'assigned', assignedTo: 'dora' });

    const late = { status: 'review', resolution: 'done after all', lease_id: lost };
    const refusal = { status: 409, body: { error: 'Lease is no longer held', lease_status: 'expired' } };
    expect(await call('PUT', `/api/tasks/${unassigned}`, late)).toMatchObject(refusal);
    expect(await call('POST', `/api/tasks/${unassigned}/release`, { lease_id: lost })).toMatchObject(refusal);

    const { body: registered } = await call('POST', '/api/agents', { name: 'dead', role: 'coder' });
    const { body: key } = await call('POST', `/api/agents/${registered.agent.id}/keys`, { scopes: ['agent:tasks'] });
    const byItsKey = { key: key.api_key, body: late };
    expect(await any().call('PUT', `/api/tasks/${unassigned}`, byItsKey)).toMatchObject(refusal);
    const anothers = { key: key.api_key, body: { ...late, lease_id: randomUUID() } };
    expect((await any().call('PUT', `/api/tasks/${unassigned}`, anothers)).status).toBe(403);

    const heir = await eventually('the next agent gets it', async () => {
      const { body } = await poll('heir');
      return body.task?.id === unassigned && body;
    });
    expect(heir).toMatchObject({ reason: 'assigned' });
    expect(await call('PUT', `/api/tasks/${unassigned}`, late)).toMatchObject(refusal);
    await call('PUT', `/api/tasks/${unassigned}`, { status: 'review', lease_id: heir.lease_id });
    await call('PUT', `/api/tasks/${assigned}`, { status: 'review' });
    const types = (await eventsOf(unassigned)).map(({ type }) => type);
    expect(types).toEqual(['TaskCreated', 'TaskClaimed', 'TaskLeaseExpired', 'TaskClaimed', 'TaskChanged']);
  });

  it('of a deleted agent is nobody’s, once, in its hands or not, and goes to the next', async () => {
    const { body } = await call('POST', '/api/agents', { name: 'leaver', role: 'dev' });
    const waiting = await newTask({ assigned_to: 'leaver' });
    await claimed('leaver', waiting);
    const other = await newTask({ assigned_to: 'leaver' });
    expect((await call('DELETE', `/api/agents/${body.agent.id}`)).status).toBe(200);

    await eventually('both are in the queue again', async () => {
      const { tasks } = (await call('GET', '/api/tasks?status=inbox')).body;
      return tasks.filter((task: { assigned_to: unknown }) => task.assigned_to === null).length === 2;
    });
    await claimed('successor', waiting);
    const done = [waiting, other].map((id) => ({ id, status: 'review' }));
    expect((await call('PUT', '/api/tasks', { tasks: done })).status).toBe(200);
    const freed = (await eventsOf(waiting)).filter(({ type }) => type === 'TaskChanged');
    expect(freed.map(({ metadata }) => metadata.actor.name)).toEqual(['queue']);
    expect(await lossesOf(waiting)).toEqual([]);
  });

  it('stays with it while its beats go on, and only as long', async () => {
    const connected = await call('POST', '/api/connect', { tool_name: 't', agent_name: 'beater' });
    const { heartbeat_url: path, connection_id: id } = connected.body;
    const [kept, lost] = [await newTask({ assigned_to: 'beater' }), await newTask({ assigned_to: 'silent' })];
    const stop = new AbortController();
    const beating = beatUntil(stop.signal, path, id);
    await claimed('beater', kept);
    for (let round = 0; round < 2; round += 1) {
      await claimed('silent', lost);
      await eventually('the silent one loses its task', async () => (await lossesOf(lost)).length > round);
    }
    expect((await eventsOf(kept)).map(({ type }) => type)).toEqual(['TaskCreated', 'TaskClaimed']);
    stop.abort();
    await beating;
    await eventually('the beater has stopped and loses its task', async () => (await lossesOf(kept)).length === 1);
    for (const taskId of [kept, lost]) await call('PUT', `/api/tasks/${taskId}`, { status: 'review' });
  });

  it('while nothing listened gets a full lease after the start before it is held against it', async () => {
    // Longer than it takes to stop, so that the lease does not run out before.
    const taskLeaseSeconds = 8;
    const restart = async () => {
      for (const application of applications.splice(0).toReversed()) await application.close();
      applications = [await startApplication({ on: parts, config: { taskLeaseSeconds } })];
    };
    await restart();
    const taskId = await newTask({ assigned_to: 'patient' });
    await claimed('patient', taskId);
    for (const application of applications.splice(0)) await application.close();
    await pause(taskLeaseSeconds * 1_000);

    const startedAt = Date.now();
    await restart();
    await eventually('the lease runs out', async () => (await lossesOf(taskId)).length > 0);

    const [loss] = await lossesOf(taskId);
    expect(Date.parse(loss?.metadata.recordedAt ?? '')).toBeGreaterThanOrEqual(startedAt + taskLeaseSeconds * 1_000);
  });
});
