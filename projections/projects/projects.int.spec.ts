import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agentStatus } from '../agent-status/agent-status.projection.js';
import { given } from '../engine/testing/given.js';
import { logOf, type Written } from '../engine/testing/log-of.js';
import { readerOn } from '../engine/testing/reader.js';
import { resetProjections } from '../engine/testing/reset.js';
import { projects } from './projects.projection.js';
import { ProjectQueries } from './projects.queries.js';

const everything = { limit: 50, offset: 0 };

describe('the projects', () => {
  let database: TestDatabase;
  let queries: ProjectQueries;

  beforeAll(async () => {
    database = await testDatabase();
    queries = new ProjectQueries(readerOn(database.url));
  });
  beforeEach(() => resetProjections(database.url));
  afterAll(() => database.drop());

  const happened = async (...events: readonly Written[]) => {
    await given(database.url, agentStatus).when(logOf(events)).deliver();
    await given(database.url, projects).when(logOf(events)).deliver();
  };

  it.each([{ batch: 1 }, { batch: 7 }, { batch: 1_000 }])(
    'and their agents come out the same, delivered twice, $batch at a time',
    async ({ batch }) => {
      const delivered = given(database.url, projects).when(logOf([...lifeOf(1), ...lifeOf(2)]), { times: 2, batch });

      expect(
        await delivered.rows('projects', 'project_id, name, description, deadline, archived_at, revision'),
      ).toEqual(
        ['1', '2'].map((project_id) => ({
          project_id,
          name: `Renamed ${project_id}`,
          description: null,
          deadline: '4000',
          archived_at: null,
          revision: '7',
        })),
      );
      expect(await delivered.rows('project_agents', 'project_id, agent_id, role, removed_at is null as there')).toEqual(
        ['1', '2'].flatMap((project_id) => [
          { project_id, agent_id: '7', role: 'lead', there: true },
          { project_id, agent_id: '8', role: 'member', there: false },
        ]),
      );
    },
  );

  it('are listed newest first, archived ones only when asked for', async () => {
    await happened(...lifeOf(2), ...lifeOf(1), fact(1, 'ProjectArchived'));

    const active = await queries.list(1, { archived: false }, everything);
    expect([active.total, active.rows.map(({ id }) => id)]).toEqual([1, [2]]);
    const all = await queries.list(1, { archived: true }, { limit: 1, offset: 0 });
    expect([all.total, all.rows.map(({ id, status }) => [id, status])]).toEqual([2, [[1, 'archived']]]);
    expect(await queries.list(1, { archived: true }, { limit: 5, offset: 9 })).toEqual({ rows: [], total: 2 });
  });

  it('name their agents as they are called now, and leave deleted ones out', async () => {
    await happened(
      registered(7),
      registered(8),
      ...lifeOf(1),
      fact(1, 'ProjectAgentAssigned', { agentId: 8, agentName: 'agent-8', role: 'member' }),
      { stream: 'agent-7', type: 'AgentRenamed', data: { agentId: 7, name: 'newname', previousName: 'agent-7' } },
      { stream: 'agent-8', type: 'AgentRetired', data: { agentId: 8, name: 'agent-8' } },
    );

    expect((await queries.byId(1, 1))?.agents).toEqual([
      { agentId: 7, name: 'newname', role: 'lead', assignedAt: expect.any(Number) },
    ]);
  });

  it('that are deleted, and those of another workspace, are not there', async () => {
    await happened(...lifeOf(1), ...lifeOf(2), fact(2, 'ProjectDeleted', { successorId: 1 }));

    expect(await queries.byId(1, 2)).toBeUndefined();
    expect(await queries.byId(2, 1)).toBeUndefined();
    expect((await queries.list(1, { archived: true }, everything)).total).toBe(1);
    expect((await queries.list(2, { archived: true }, everything)).total).toBe(0);
  });
});

function fact(projectId: number, type: string, more: object = {}): Written {
  return { stream: `project-${projectId}`, type, data: { projectId, name: `Project ${projectId}`, ...more } };
}

function registered(agentId: number): Written {
  const profile = { role: 'cli', sessionKey: null, soulContent: null, config: {}, runtimeType: null };
  return {
    stream: `agent-${agentId}`,
    type: 'AgentRegistered',
    data: { agentId, name: `agent-${agentId}`, status: 'online', source: 'connect', profile },
  };
}

function lifeOf(projectId: number): readonly Written[] {
  const agent = (agentId: number, role: string) => ({ agentId, agentName: `agent-${agentId}`, role });
  return [
    fact(projectId, 'ProjectCreated', {
      slug: `project-${projectId}`,
      ticketPrefix: `P${projectId}`,
      description: 'quiet "words" \\ {,}',
      githubRepo: null,
      deadline: null,
      color: '#fff',
    }),
    fact(projectId, 'ProjectAgentAssigned', agent(7, 'member')),
    fact(projectId, 'ProjectAgentAssigned', agent(8, 'member')),
    fact(projectId, 'ProjectArchived'),
    fact(projectId, 'ProjectChanged', {
      name: `Renamed ${projectId}`,
      changes: { name: `Renamed ${projectId}`, description: null, deadline: 4_000 },
      previous: {},
    }),
    fact(projectId, 'ProjectAgentAssigned', agent(7, 'lead')),
    fact(projectId, 'ProjectAgentRemoved', agent(8, 'member')),
    fact(projectId, 'ProjectRestored'),
  ];
}
