import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { type Application, startApplication } from '../support/application.js';
import { newTask } from '../support/new-task.js';
import type { TaskFields } from '../../src/tasks/tasks.events.js';

let application: Application;
let lastTask = 1_000_000;

beforeAll(async () => {
  application = await startApplication({ replicas: 2 });
});

afterAll(async () => {
  await application.close();
});

const call = (method: string, path: string, body?: unknown, replica = 0, headers: Record<string, string> = {}) =>
  application.call(method, path, { replica, headers, ...(body === undefined ? {} : { body }) });
const poll = (agent: string, { capacity = 1, replica = 0 } = {}) =>
  call('GET', `/api/tasks/queue?agent=${agent}&max_capacity=${capacity}`, undefined, replica);

/** Resolves to the id when the queue shows the task. */
async function task(fields: Partial<TaskFields> = {}): Promise<number> {
  lastTask += 1;
  const event = newTask(lastTask, fields);
  const { position } = await application.store.append(`task-${lastTask}`, [event], 'no_stream');
  await call('GET', '/api/status?action=overview');
  void position;
  return lastTask;
}

const eventsOf = async (taskId: number): Promise<readonly StoredEvent[]> =>
  (await application.log()).filter(({ stream }) => stream === `task-${taskId}`);

describe('the queue', () => {
  it('gives the most urgent task with a lease, goes on with it, and says when there is none', async () => {
    const none = await poll('ann');
    expect(none).toMatchObject({
      status: 200,
      body: {
        task: null,
        reason: 'no_tasks_available',
        agent: 'ann',
        lease_id: null,
        lease_expires_at: null,
        held: [],
      },
    });
    await task({ priority: 'low' });
    const urgent = await task({ priority: 'critical', title: 'now' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const first = await poll('ann');
    expect(first).toMatchObject({
      status: 200,
      body: { reason: 'assigned', task: { id: urgent, title: 'now', status: 'in_progress', assigned_to: 'ann' } },
    });
    const { lease_id, lease_expires_at } = first.body;
    expect(first.body.held).toEqual([{ id: urgent, lease_id, lease_expires_at }]);
    const again = await poll('ann', { replica: 1 });
    expect(again.body).toMatchObject({ reason: 'continue_current', task: { id: urgent }, lease_id });
    expect((await poll('ann', { capacity: 2 })).body).toMatchObject({ reason: 'assigned' });
    expect((await poll('ann', { capacity: 2 })).body).toMatchObject({ reason: 'at_capacity', task: null });
    expect((await poll('ann', { capacity: 3 })).body).toMatchObject({ reason: 'continue_current' });
    console.log(JSON.stringify(first.body), [...first.headers]);
    console.log((await eventsOf(urgent)).map(({ type, data }) => [type, data]));
    void randomUUID;
  });
});
