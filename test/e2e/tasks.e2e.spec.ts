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
const create = (more: object = {}, options: Options = {}) =>
  call('POST', '/api/tasks', { title: 'Fix login', ...more }, options);
const logSize = async () => (await application.log()).length;

async function created(more: object = {}): Promise<ReturnType<typeof JSON.parse>> {
  const { status, body } = await create(more);
  expect([status, body.error]).toEqual([201, undefined]);
  return body.task;
}

describe('a task', () => {
  it('is created with defaults, and its own page and the list show the same', async () => {
    const { status, body, headers } = await create();
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('"0"');
    expect(body.task).toEqual({
      id: expect.any(Number),
      title: 'Fix login',
      description: null,
      status: 'inbox',
      priority: 'medium',
      assigned_to: null,
      created_by: 'admin of the test',
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      due_date: null,
      estimated_hours: null,
      actual_hours: null,
      tags: [],
      metadata: {},
      workspace_id: 1,
      project_id: expect.any(Number),
      project_ticket_no: expect.any(Number),
      project_name: 'General',
      project_prefix: 'TASK',
      ticket_ref: expect.stringMatching(/^TASK-\d{3,}$/),
      outcome: null,
      error_message: null,
      resolution: null,
      feedback_rating: null,
      feedback_notes: null,
      retry_count: 0,
      completed_at: null,
      dispatch_attempts: 0,
      revision: 0,
      lease_expires_at: null,
      gate: 'closed',
      gate_override: null,
      progress: null,
      last_state: null,
    });
    const one = await application.read(`/api/tasks/${body.task.id}`, headers);
    expect(one.body).toEqual(body);
    expect(one.headers.get('etag')).toBe('"0"');
    const list = await application.read('/api/tasks?limit=1', headers);
    expect(list.body).toEqual({
      tasks: [{ ...body.task, comment_count: 0 }],
      total: expect.any(Number),
      page: 1,
      limit: 1,
    });
  });
});

describe('the status of a task', () => {
  it('of a viewer is not to change', async () => {
    const before = await logSize();
    expect(await create({}, { key: testKeys.viewer })).toMatchObject({ status: 403 });
    expect(await call('PUT', `/api/tasks/${(await created()).id}`, {}, { key: testKeys.viewer })).toMatchObject({
      status: 403,
    });
    expect(await logSize()).toBe(before + 1);
  });
});
