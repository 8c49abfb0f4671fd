import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { projectDecider, type NewProject, type ProjectCommand, type ProjectState } from './project.decider.js';
import type { ProjectEvent } from './projects.events.js';

const { given, fold } = deciderSpec(projectDecider);

const project: NewProject = {
  projectId: 2,
  slug: 'build-ship',
  name: 'Build & Ship',
  ticketPrefix: 'BUILD',
  description: null,
  githubRepo: null,
  deadline: null,
  color: null,
};
const general: NewProject = { ...project, projectId: 1, slug: 'general', name: 'General', ticketPrefix: 'TASK' };
const named = { projectId: 2, name: 'Build & Ship' };
const created = (of: NewProject = project): ProjectEvent => ({ type: 'ProjectCreated', data: of });
const archived: ProjectEvent = { type: 'ProjectArchived', data: named };
const restored: ProjectEvent = { type: 'ProjectRestored', data: named };
const deleted: ProjectEvent = { type: 'ProjectDeleted', data: { ...named, successorId: 1 } };
const bot = (agentId: number, role = 'member') => ({ agentId, agentName: `bot-${agentId}`, role });
const assigned = (agentId: number, role = 'member'): ProjectEvent => ({
  type: 'ProjectAgentAssigned',
  data: { ...named, ...bot(agentId, role) },
});
const removed = (agentId: number, role = 'member'): ProjectEvent => ({
  type: 'ProjectAgentRemoved',
  data: { ...named, ...bot(agentId, role) },
});

describe('a project', () => {
  it('is created once', () => {
    given().when({ type: 'CreateProject', project }).thenEvents(created());
    given(created())
      .when({ type: 'CreateProject', project: { ...project, name: 'Other' } })
      .thenNothing();
  });

  it('that is not there can only be created', () => {
    given().when({ type: 'ArchiveProject' }).thenRefused('NotCreated');
    given()
      .when({ type: 'AssignAgent', agent: bot(7) })
      .thenRefused('NotCreated');
  });

  it('remembers each prefix that it went by before, once, and goes back to it as to a new one', () => {
    const prefixed = (from: string, to: string): ProjectEvent => ({
      type: 'ProjectChanged',
      data: { ...named, changes: { ticketPrefix: to }, previous: { ticketPrefix: from } },
    });
    const changes = [prefixed('BUILD', 'SHIP'), prefixed('SHIP', 'BUILD'), prefixed('BUILD', 'YARD')];
    expect(fold([created(), ...changes])).toMatchObject({ ticketPrefix: 'YARD', formerPrefixes: ['SHIP', 'BUILD'] });
    given(created(), ...changes)
      .when({ type: 'ChangeProject', changes: { ticketPrefix: 'SHIP' } })
      .thenEvents(prefixed('YARD', 'SHIP'));
  });

  it('says what was changed and what it was, leaving out what stays the same', () => {
    given(created())
      .when({ type: 'ChangeProject', changes: { description: 'All of it', color: null } })
      .thenEvents({
        type: 'ProjectChanged',
        data: { ...named, changes: { description: 'All of it' }, previous: { description: null } },
      });
    given(created())
      .when({ type: 'ChangeProject', changes: { name: 'Build & Ship' } })
      .thenNothing();
  });

  it('changes fields, agents and status as one decision', () => {
    given(created(), assigned(7, 'lead'), assigned(8))
      .when({
        type: 'ChangeProject',
        changes: { deadline: 4_000 },
        agents: [
          { agentId: 7, agentName: 'bot-7' },
          { agentId: 9, agentName: 'bot-9' },
        ],
        status: 'archived',
      })
      .thenEvents(
        { type: 'ProjectChanged', data: { ...named, changes: { deadline: 4_000 }, previous: { deadline: null } } },
        removed(8),
        assigned(9),
        archived,
      );
  });

  it('refuses a change that was prepared on another prefix', () => {
    given(created())
      .when({ type: 'ChangeProject', changes: { ticketPrefix: 'SHIP' }, fromPrefix: 'OLD' })
      .thenRefused('PrefixChanged');
  });

  it('is archived once and comes back', () => {
    given(created()).when({ type: 'ArchiveProject' }).thenEvents(archived);
    given(created(), archived).when({ type: 'ArchiveProject' }).thenNothing();
    given(created(), archived).when({ type: 'ChangeProject', changes: {}, status: 'active' }).thenEvents(restored);
  });

  it('is deleted once and refuses everything else from then on', () => {
    given(created()).when({ type: 'DeleteProject', successorId: 1 }).thenEvents(deleted);
    given(created(), deleted).when({ type: 'DeleteProject', successorId: 1 }).thenNothing();
    given(created(), deleted).when({ type: 'ArchiveProject' }).thenRefused('Deleted');
  });

  it('is neither archived nor deleted when it is general', () => {
    given(created(general)).when({ type: 'ArchiveProject' }).thenRefused('IsGeneral');
    given(created(general)).when({ type: 'ChangeProject', changes: {}, status: 'archived' }).thenRefused('IsGeneral');
    given(created(general)).when({ type: 'DeleteProject', successorId: 1 }).thenRefused('IsGeneral');
  });
});

describe('the agents of a project', () => {
  it('are assigned once for each role', () => {
    given(created())
      .when({ type: 'AssignAgent', agent: bot(7) })
      .thenEvents(assigned(7));
    given(created(), assigned(7))
      .when({ type: 'AssignAgent', agent: bot(7) })
      .thenNothing();
    given(created(), assigned(7))
      .when({ type: 'AssignAgent', agent: bot(7, 'lead') })
      .thenEvents(assigned(7, 'lead'));
  });

  it('are removed once', () => {
    given(created(), assigned(7)).when({ type: 'RemoveAgent', agentId: 7 }).thenEvents(removed(7));
    given(created()).when({ type: 'RemoveAgent', agentId: 7 }).thenNothing();
  });
});

describe('every decision about a project', () => {
  const fields = fc.record(
    {
      name: fc.constantFrom('Build & Ship', 'Other'),
      ticketPrefix: fc.constantFrom('BUILD', 'SHIP'),
      description: fc.constantFrom('text', null),
      deadline: fc.constantFrom(1, null),
    },
    { requiredKeys: [] },
  );
  const agent = fc.integer({ min: 1, max: 3 });
  const commands: fc.Arbitrary<ProjectCommand> = fc.oneof(
    fc.constantFrom(project, general).map((one): ProjectCommand => ({ type: 'CreateProject', project: one })),
    fc
      .record(
        {
          changes: fields,
          status: fc.constantFrom('active' as const, 'archived' as const),
          agents: fc.uniqueArray(agent).map((ids) => ids.map((agentId) => ({ agentId, agentName: `bot-${agentId}` }))),
        },
        { requiredKeys: ['changes'] },
      )
      .map((change): ProjectCommand => ({ type: 'ChangeProject', ...change })),
    fc.constantFrom<ProjectCommand>({ type: 'ArchiveProject' }, { type: 'DeleteProject', successorId: 1 }),
    fc
      .tuple(agent, fc.constantFrom('member', 'lead'))
      .map(([id, role]): ProjectCommand => ({ type: 'AssignAgent', agent: bot(id, role) })),
    agent.map((agentId): ProjectCommand => ({ type: 'RemoveAgent', agentId })),
  );

  it('never throws, never assigns an agent twice, and decided again gives nothing', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 20 }), (sequence) => {
        let state: ProjectState = fold([]);
        for (const command of sequence) {
          const decision = projectDecider.decide(command, state);
          if (decision.kind === 'refused') continue;
          state = decision.events.reduce(projectDecider.evolve, state);
          expect(projectDecider.decide(command, state)).toEqual({ kind: 'accepted', events: [] });
          const ids = state.kind === 'none' ? [] : state.agents.map(({ agentId }) => agentId);
          expect(new Set(ids).size).toBe(ids.length);
        }
      }),
    );
  });

  it('ignores events that it does not know', () => {
    const state = fold([created(), assigned(7)]);
    const unknown = { type: 'FromTheFuture', data: {} } as unknown as ProjectEvent;
    expect(projectDecider.evolve(state, unknown)).toEqual(state);
  });
});
