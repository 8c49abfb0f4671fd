import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProjectDirectory } from '../../src/projects/project-directory.js';
import { RemovalFinisher } from '../../src/projects/removal-finisher.js';
import { TaskDirectory } from '../../src/tasks/task-directory.js';
import { type Application, startApplication } from '../support/application.js';
import { eventually } from '../support/eventually.js';
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
const create = (name: string, more: object = {}) => call('POST', '/api/projects', { name, ...more });
const created = async (name: string, more: object = {}) => (await create(name, more)).body.project.id as number;
const agent = async (name: string) =>
  (await call('POST', '/api/agents', { name, role: 'dev' })).body.agent.id as number;
const facts = async (projectId: number) =>
  (await application.log()).filter(({ stream }) => stream === `project-${projectId}`).map(({ type }) => type);

/** A task in this project, as the task routes record it. */
async function file(taskId: number, projectId: number): Promise<void> {
  const resolve = <T>(type: abstract new (...args: never[]) => T): T => {
    const found = application.replicas[0]?.get<T>(type, { strict: false });
    if (found === undefined) throw new Error('no application');
    return found;
  };
  const project = await resolve(ProjectDirectory).byId(1, projectId);
  if (project === undefined) throw new Error('no such project');
  const at = new Date().toISOString();
  await resolve(TaskDirectory).execute(
    {
      commandId: `00000000-0000-4000-8000-${String(taskId).padStart(12, '0')}`,
      keyed: false,
      workspaceId: 1,
      correlationId: '00000000-0000-4000-8000-000000000000',
      actor: { kind: 'key', id: 'test', name: 'test' },
      receivedAt: new Date(),
    },
    taskId,
    {
      type: 'CreateTask',
      taskId,
      author: { name: 'test', agentId: null },
      createdAt: at,
      at: Math.floor(Date.parse(at) / 1_000),
      mentions: [],
      fields: {
        title: `Task ${taskId}`,
        description: null,
        status: 'inbox',
        priority: 'medium',
        assignedTo: null,
        assignedAgentId: null,
        projectId,
        projectName: project.name,
        projectPrefix: project.ticketPrefix,
        ticketNo: taskId,
        dueDate: null,
        estimatedHours: null,
        actualHours: null,
        tags: [],
        metadata: {},
        outcome: null,
        errorMessage: null,
        resolution: null,
        feedbackRating: null,
        feedbackNotes: null,
        retryCount: 0,
        completedAt: null,
      },
    },
  );
}

describe('the project general', () => {
  it('is there before anything else, once', async () => {
    const [first, second] = await Promise.all([call('GET', '/api/projects'), call('GET', '/api/projects')]);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ total: 1, page: 1, limit: 1_000 });
    expect(first.body.projects).toEqual([
      expect.objectContaining({ slug: 'general', ticket_prefix: 'TASK', status: 'active', task_count: 0 }),
    ]);
    expect(second.body.projects).toEqual(first.body.projects);
  });

  it('is neither archived nor deleted', async () => {
    const { body } = await call('GET', '/api/projects');
    const id = body.projects.find(({ slug }: { slug: string }) => slug === 'general').id as number;
    const error = 'The project general cannot be archived or deleted';
    for (const [method, path, given] of [
      ['DELETE', `/api/projects/${id}`, undefined],
      ['DELETE', `/api/projects/${id}?mode=delete`, undefined],
      ['PATCH', `/api/projects/${id}`, { status: 'archived' }],
    ] as const) {
      expect(await call(method, path, given)).toMatchObject({ status: 400, body: { error } });
    }
    expect(await facts(id)).toEqual(['ProjectCreated']);
  });
});

describe('a project', () => {
  it('is created with every field, and the list and its own page show the same', async () => {
    const given = { description: 'All', github_repo: 'acme/site', deadline: 1_800_000_000, color: '#123456' };
    const { status, body, headers } = await create('  Web & Shop ', { ticket_prefix: 'web', ...given });
    expect(status).toBe(201);
    expect(body.project).toEqual({
      id: expect.any(Number),
      name: 'Web & Shop',
      slug: 'web-shop',
      ticket_prefix: 'WEB',
      status: 'active',
      task_count: 0,
      assigned_agents: [],
      workspace_id: 1,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      ...given,
    });
    expect((await application.read(`/api/projects/${body.project.id}`, headers)).body).toEqual(body);
    expect((await application.read('/api/projects?limit=1', headers)).body).toMatchObject({
      projects: [body.project],
      limit: 1,
    });
  });

  it('has a slug and a prefix of its own: the second one is 409 and takes nothing', async () => {
    const id = await created('Unique', { ticket_prefix: 'UNIQ' });
    expect(await create('unique!')).toMatchObject({ status: 409, body: { slug: 'unique' } });
    expect(await create('Other name', { ticket_prefix: 'uniq' })).toMatchObject({
      status: 409,
      body: { error: 'Project ticket prefix already exists', ticket_prefix: 'UNIQ' },
    });
    expect(await facts(id)).toEqual(['ProjectCreated']);
    expect((await create('Other name', { ticket_prefix: 'OTHER' })).status).toBe(201);
  });

  it('gets a prefix of its name, whoever has a similar one', async () => {
    expect((await create('Longish one')).body.project.ticket_prefix).toBe('LONGI');
    const { project } = (await create('Longish two')).body;
    expect(project.ticket_prefix).toBe(`LONGI${project.id}`);
    const japanese = (await create('日本語')).body.project;
    expect(japanese).toMatchObject({ slug: '日本語', ticket_prefix: `P${japanese.id}` });
  });

  it('is created once for one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'project-once' };
    const first = await call('POST', '/api/projects', { name: 'Once' }, { headers });
    const again = await call('POST', '/api/projects', { name: 'Once' }, { headers });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
  });

  it('is changed in part, cleared with null, archived and brought back', async () => {
    const id = await created('Changing', { description: 'old', color: 'red' });
    const changed = await call('PATCH', `/api/projects/${id}`, { name: 'Changed', description: null });
    expect(changed).toMatchObject({
      status: 200,
      body: { project: { name: 'Changed', slug: 'changing', description: null, color: 'red' } },
    });
    expect((await call('PATCH', `/api/projects/${id}`, {})).status).toBe(200);
    expect(await call('DELETE', `/api/projects/${id}`)).toMatchObject({
      status: 200,
      body: { success: true, mode: 'archive' },
    });
    expect((await call('DELETE', `/api/projects/${id}`)).status).toBe(200);
    const ids = async (path: string) =>
      (await call('GET', path)).body.projects.map((project: { id: number }) => project.id);
    expect(await ids('/api/projects')).not.toContain(id);
    expect(await ids('/api/projects?includeArchived=1')).toContain(id);
    await call('PATCH', `/api/projects/${id}`, { status: 'active' });
    expect(await ids('/api/projects')).toContain(id);
    expect(await facts(id)).toEqual(['ProjectCreated', 'ProjectChanged', 'ProjectArchived', 'ProjectRestored']);
  });

  it('keeps its old prefix when it takes another one, so that no two tasks have one reference', async () => {
    const id = await created('Prefixed', { ticket_prefix: 'OLD1' });
    const other = await created('Prefixed too', { ticket_prefix: 'OTHR1' });
    const refer = async (projectId: number) =>
      (await call('POST', '/api/tasks', { title: 't', project_id: projectId })).body.task.ticket_ref as string;
    const wants = (projectId: number, prefix: string) =>
      call('PATCH', `/api/projects/${projectId}`, { ticket_prefix: prefix, color: 'red' });
    const first = await refer(id);

    expect(await wants(id, 'OTHR1')).toMatchObject({
      status: 409,
      body: { error: 'Project ticket prefix already exists', ticket_prefix: 'OTHR1' },
    });
    expect((await wants(id, 'NEW1')).body.project).toMatchObject({ ticket_prefix: 'NEW1', name: 'Prefixed' });
    const kept = {
      status: 409,
      body: { error: 'Project ticket prefix is kept for earlier tasks of another project', ticket_prefix: 'OLD1' },
    };
    expect(await wants(other, 'OLD1')).toMatchObject(kept);
    expect(await create('Third', { ticket_prefix: 'old1' })).toMatchObject(kept);
    expect((await create('Old1')).body.project.ticket_prefix).toMatch(/^OLD1\d+$/);

    expect((await wants(id, 'OLD1')).status).toBe(200);
    expect((await wants(id, 'OLD1')).status).toBe(200);
    expect([first, await refer(id)]).toEqual(['OLD1-001', 'OLD1-002']);
    expect((await wants(other, 'NEW1')).status).toBe(409);
  });

  it('gives all its prefixes away when it is deleted', async () => {
    const id = await created('Generous', { ticket_prefix: 'GEN1' });
    await call('PATCH', `/api/projects/${id}`, { ticket_prefix: 'GEN2' });
    await call('DELETE', `/api/projects/${id}?mode=delete`);
    for (const ticket_prefix of ['GEN1', 'GEN2']) {
      expect((await create(`Heir of ${ticket_prefix}`, { ticket_prefix })).status).toBe(201);
    }
    expect((await application.log()).filter(({ type }) => type === 'ProjectHandleReleased')).toContainEqual(
      expect.objectContaining({ data: { projectId: id, kind: 'prefix', handle: 'GEN1' } }),
    );
  });

  it('is not found by a bad id, an unknown one, or after its deletion', async () => {
    const id = await created('Doomed');
    await call('DELETE', `/api/projects/${id}?mode=delete`);
    expect(await call('GET', '/api/projects/abc')).toMatchObject({
      status: 400,
      body: { error: 'Invalid project ID' },
    });
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { color: 'red' }],
      ['DELETE', '', undefined],
      ['DELETE', '?mode=delete', undefined],
      ['GET', '/agents', undefined],
      ['DELETE', '/agents?agent_name=x', undefined],
    ] as const) {
      for (const missing of [id, 999_999]) {
        expect([method, path, await call(method, `/api/projects/${missing}${path}`, body)]).toMatchObject([
          method,
          path,
          { status: 404, body: { error: 'Project not found' } },
        ]);
      }
    }
    expect((await call('DELETE', `/api/projects/${id}?mode=burn`)).status).toBe(400);
  });

  it('is read by viewers, changed by operators and deleted for good by admins', async () => {
    const id = await created('Guarded');
    const as = async (key: string, method: string, path: string, body?: object) =>
      (await call(method, path, body, { key })).status;
    expect(await as(testKeys.viewer, 'GET', '/api/projects')).toBe(200);
    expect(await as(testKeys.viewer, 'PATCH', `/api/projects/${id}`, { color: 'red' })).toBe(403);
    expect(await as(testKeys.operator, 'PATCH', `/api/projects/${id}`, { color: 'red' })).toBe(200);
    expect(await as(testKeys.operator, 'DELETE', `/api/projects/${id}?mode=delete`)).toBe(403);
    expect(await as(testKeys.operator, 'DELETE', `/api/projects/${id}`)).toBe(200);
  });
});

describe('the agents of a project', () => {
  it('are assigned repeatably, listed and removed', async () => {
    const id = await created('Staffed');
    await agent('worker-1');
    const path = `/api/projects/${id}/agents`;
    for (const role of ['member', 'member', 'lead']) {
      const body = role === 'member' ? { agent_name: 'worker-1' } : { agent_name: 'worker-1', role };
      expect(await call('POST', path, body)).toMatchObject({ status: 201, body: { success: true } });
    }
    expect((await call('GET', path)).body).toEqual({
      assignments: [{ project_id: id, agent_name: 'worker-1', role: 'lead', assigned_at: expect.any(Number) }],
    });
    expect((await call('GET', `/api/projects/${id}`)).body.project.assigned_agents).toEqual(['worker-1']);
    expect(await call('DELETE', path)).toMatchObject({ status: 400, body: { error: 'agent_name is required' } });
    for (let time = 0; time < 2; time += 1) {
      expect((await call('DELETE', `${path}?agent_name=worker-1`)).body).toEqual({ success: true });
    }
    expect(await facts(id)).toEqual([
      'ProjectCreated',
      'ProjectAgentAssigned',
      'ProjectAgentAssigned',
      'ProjectAgentRemoved',
    ]);
    expect(await call('POST', path, { agent_name: 'nobody' })).toMatchObject({ status: 404 });
  });

  it('are replaced as a set, all or nothing', async () => {
    const id = await created('Set');
    await agent('set-1');
    await agent('set-2');
    const change = (body: object) => call('PATCH', `/api/projects/${id}`, body);
    expect((await change({ assigned_agents: ['set-1', 'set-1'] })).body.project.assigned_agents).toEqual(['set-1']);
    expect(await change({ assigned_agents: ['set-2', 'who'], color: 'blue' })).toMatchObject({
      status: 400,
      body: { error: 'Unknown agents: who', missing_agents: ['who'] },
    });
    expect((await call('GET', `/api/projects/${id}`)).body.project).toMatchObject({
      assigned_agents: ['set-1'],
      color: null,
    });
    expect((await change({ assigned_agents: ['set-2'] })).body.project.assigned_agents).toEqual(['set-2']);
    expect((await change({ assigned_agents: null })).body.project.assigned_agents).toEqual([]);
  });
});

describe('a project, to the key of an agent', () => {
  it('shows only that agent, and is changed by it in nothing but its own part', async () => {
    const id = await created('Shared');
    const ownId = await agent('keyed-own');
    await agent('keyed-other');
    await call('PATCH', `/api/projects/${id}`, { assigned_agents: ['keyed-own', 'keyed-other'] });
    const { body } = await call('POST', `/api/agents/${ownId}/keys`, { name: 'k', scopes: ['operator'] });
    const key = body.api_key as string;
    const path = `/api/projects/${id}`;
    expect((await call('GET', path, undefined, { key })).body.project.assigned_agents).toEqual(['keyed-own']);
    expect((await call('GET', `${path}/agents`, undefined, { key })).body.assignments).toHaveLength(1);
    for (const [method, to, given] of [
      ['POST', '/api/projects', { name: 'Mine' }],
      ['PATCH', path, { color: 'red' }],
      ['DELETE', path, undefined],
      ['POST', `${path}/agents`, { agent_name: 'keyed-other' }],
      ['DELETE', `${path}/agents?agent_name=keyed-other`, undefined],
      ['DELETE', `${path}/agents?agent_name=nobody`, undefined],
    ] as const) {
      expect([method, to, (await call(method, to, given, { key })).status]).toEqual([method, to, 403]);
    }
    expect((await call('DELETE', `${path}/agents?agent_name=keyed-own`, undefined, { key })).status).toBe(200);
  });
});

describe('the tasks of a project', () => {
  it('are listed as all tasks are, but of this project only', async () => {
    const id = await created('Listed');
    const task = async (more: object) => (await call('POST', '/api/tasks', { title: 't', ...more })).body.task;
    const own = await task({ project_id: id, priority: 'high' });
    await task({});
    const { body } = await call('GET', `/api/projects/${id}/tasks`);
    expect(body).toMatchObject({ total: 1, page: 1, limit: 50, tasks: [{ id: own.id, project_name: 'Listed' }] });
    expect((await call('GET', `/api/projects/${id}/tasks?priority=low&project_id=1`)).body.total).toBe(0);
    expect((await call('GET', `/api/projects/${id}/tasks?status=odd`)).status).toBe(400);
    expect((await call('GET', '/api/projects/999999/tasks')).status).toBe(404);
  });
});

describe('the tasks of a project that is deleted', () => {
  it('move to general under numbers of that project, and the project is gone', async () => {
    const id = await created('Short-lived');
    for (const taskId of [71_001, 71_002, 71_003]) await file(taskId, id);
    const path = `/api/projects/${id}`;
    await eventually('the tasks are counted', async () =>
      (await call('GET', path)).body.project.task_count === 3 ? true : undefined,
    );
    const removed = await call('DELETE', `${path}?mode=delete`);
    expect(removed).toMatchObject({ status: 200, body: { success: true, mode: 'delete' } });
    expect(removed.headers.get('x-mc-consistency')).toBeNull();

    const moves = (await application.log()).filter(
      ({ type, data }) => type === 'TaskChanged' && 'previous' in data && 'task' in data,
    );
    const numbers = moves.map(({ data }) => {
      expect(data).toMatchObject({ previous: { projectId: id }, task: { projectPrefix: 'TASK', status: 'inbox' } });
      return (data as { task: { ticketNo: number } }).task.ticketNo;
    });
    expect(new Set(numbers).size).toBe(3);
    expect((await create('Short lived')).status).toBe(201);
  });

  it('are moved by the finisher when they come late', async () => {
    const id = await created('Late');
    await file(72_001, id);
    await call('DELETE', `/api/projects/${id}?mode=delete`);
    await file(72_002, id);
    const finisher = application.replicas[0]?.get<RemovalFinisher>(RemovalFinisher, { strict: false });
    await eventually('the late task is moved', async () => {
      await finisher?.round(0);
      const last = (await application.log()).findLast(({ stream }) => stream === 'task-72002');
      return last?.type === 'TaskChanged' ? true : undefined;
    });
  });
});
