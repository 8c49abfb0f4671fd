import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { untouchedTask } from '../../test/support/untouched-task.js';
import { taskDecider, type TaskChanges, type TaskCommand } from './task.decider.js';
import type { TaskState } from './task.state.js';
import {
  taskStatuses,
  type LeaseEffect,
  type Recipient,
  type TaskEvent,
  type TaskFields,
  type TaskMove,
  type TaskSnapshot,
} from './tasks.events.js';

const { given, fold } = deciderSpec(taskDecider);

const AT = 1_000;
const bob: Recipient = { name: 'bob', agentId: 1 };
const eve: Recipient = { name: 'eve', agentId: 2 };
const boss: Recipient = { name: 'boss', agentId: null };

const fields: TaskFields = { ...untouchedTask, title: 'Fix login' };
const snapshot = (more: Partial<TaskSnapshot> = {}): TaskSnapshot => ({
  ...fields,
  taskId: 7,
  createdBy: 'boss',
  createdAt: '2026-01-01T00:00:00.000Z',
  progress: null,
  lastState: null,
  gate: 'closed',
  gateOverride: null,
  ...more,
});
const toBob = { assignedTo: 'bob', assignedAgentId: 1 };
const nobody = { assignedTo: null, assignedAgentId: null };
const created = (more: Partial<TaskSnapshot> = {}, mentions: readonly Recipient[] = []): TaskEvent => ({
  type: 'TaskCreated',
  data: { task: snapshot(more), authorAgentId: null, mentions },
});
const move = (more: Partial<TaskMove>): TaskMove => ({
  taskId: 7,
  title: 'Fix login',
  status: 'inbox',
  previousStatus: 'inbox',
  priority: 'medium',
  projectId: 1,
  ...nobody,
  previousAssignee: null,
  previousAgentId: null,
  ...more,
});
const changed = (
  task: TaskSnapshot,
  previous: Partial<TaskFields>,
  { lease = 'none', mentions = [] }: { readonly lease?: LeaseEffect; readonly mentions?: readonly Recipient[] } = {},
) => ({
  type: 'TaskChanged',
  data: { task, changes: Object.keys(previous).sort(), previous, mentions, reason: 'edit', lease },
});
const bobsLease = { leaseId: 'a', holder: 'bob', holderAgentId: 1, epoch: 1, leaseSeconds: 900 };
const claimed: TaskEvent = {
  type: 'TaskClaimed',
  data: { ...move({ status: 'in_progress', ...toBob }), ...bobsLease },
};
const released: TaskEvent = {
  type: 'TaskReleased',
  data: {
    ...move({ previousStatus: 'in_progress', previousAssignee: 'bob', previousAgentId: 1 }),
    leaseId: 'a',
    holder: 'bob',
    reason: null,
  },
};
const expired: TaskEvent = {
  type: 'TaskLeaseExpired',
  data: {
    ...move({ previousStatus: 'in_progress', previousAssignee: 'bob', previousAgentId: 1 }),
    leaseId: 'a',
    holder: 'bob',
  },
};
const deleted: TaskEvent = {
  type: 'TaskDeleted',
  data: { taskId: 7, title: 'Fix login', status: 'inbox', priority: 'medium', projectId: 1, ...nobody },
};
const approved: TaskEvent = {
  type: 'TaskReviewed',
  data: {
    ...move({ status: 'done' }),
    reviewId: 1,
    reviewer: 'aegis',
    verdict: 'approved',
    notes: 'ok',
    gate: 'open',
    errorMessage: null,
    completedAt: AT,
  },
};

const create = (more: Partial<TaskFields> = {}): TaskCommand => ({
  type: 'CreateTask',
  taskId: 7,
  fields: { ...fields, ...more },
  author: boss,
  createdAt: '2026-01-01T00:00:00.000Z',
  at: AT,
  mentions: [],
});
const change = (changes: TaskChanges, more: object = {}): TaskCommand => ({
  type: 'ChangeTask',
  changes,
  by: boss,
  at: AT,
  mentions: [],
  ...more,
});
const claim = (leaseId: string, who: Recipient = bob): TaskCommand => ({
  type: 'ClaimTask',
  leaseId,
  holder: who.name,
  holderAgentId: who.agentId,
  leaseSeconds: 900,
});
const comment = (commentId: number, author: Recipient, more: object = {}): TaskCommand => ({
  type: 'AddComment',
  commentId,
  author,
  content: 'hello',
  parentId: null,
  mentions: [],
  ...more,
});
const commented = (commentId: number, author: Recipient, more: object = {}) => ({
  type: 'CommentAdded',
  data: {
    commentId,
    taskId: 7,
    taskTitle: 'Fix login',
    author: author.name,
    authorAgentId: author.agentId,
    content: 'hello',
    parentId: null,
    mentions: [],
    subscribers: [],
    ...nobody,
    lease: 'none',
    ...more,
  },
});
const review = (verdict: 'approved' | 'rejected', reviewer: string, reviewId = 1): TaskCommand => ({
  type: 'ReviewTask',
  reviewId,
  reviewer,
  verdict,
  notes: 'because',
  at: AT,
});
const reviewed = (verdict: string, reviewer: string, more: object) => ({
  type: 'TaskReviewed',
  data: {
    ...move({}),
    reviewId: 1,
    reviewer,
    verdict,
    notes: 'because',
    gate: 'closed',
    errorMessage: verdict === 'rejected' ? `Quality review rejected by ${reviewer}: because` : null,
    completedAt: null,
    ...more,
  },
});

describe('creating', () => {
  it('leaves the task as asked for', () => {
    given().when(create()).thenEvents(created());
  });

  it('takes a task with an assignee out of the inbox', () => {
    given()
      .when(create(toBob))
      .thenEvents(created({ ...toBob, status: 'assigned' }));
  });

  it('as done overrides the gate, and says who did and when', () => {
    given()
      .when(create({ status: 'done' }))
      .thenEvents(
        created({
          status: 'done',
          completedAt: AT,
          gate: 'override',
          gateOverride: { actor: 'boss', at: '2026-01-01T00:00:00.000Z' },
        }),
      );
  });

  it('is done once, whatever has become of the task', () => {
    given(created())
      .when(create({ title: 'other' }))
      .thenNothing();
    given(created(), deleted).when(create()).thenNothing();
  });
});

describe('changing', () => {
  it('says which fields changed and what they were', () => {
    given(created())
      .when(change({ title: 'New', tags: ['a'] }))
      .thenEvents(changed(snapshot({ title: 'New', tags: ['a'] }), { tags: [], title: 'Fix login' }));
  });

  it('is nothing when nothing differs, however the JSON is written', () => {
    given(created({ metadata: { a: 1, b: { c: null } } }))
      .when(change({ title: 'Fix login', metadata: { b: { c: null }, a: 1 } }))
      .thenNothing();
  });

  it('assigns from the inbox, and back to it', () => {
    given(created())
      .when(change(toBob))
      .thenEvents(
        changed(snapshot({ ...toBob, status: 'assigned' }), {
          assignedAgentId: null,
          assignedTo: null,
          status: 'inbox',
        }),
      );
    given(created({ ...toBob, status: 'assigned' }))
      .when(change(nobody))
      .thenEvents(changed(snapshot(), { assignedAgentId: 1, assignedTo: 'bob', status: 'assigned' }));
  });

  it('keeps the status that the request names', () => {
    given(created({ ...toBob, status: 'assigned' }))
      .when(change({ ...nobody, status: 'review' }))
      .thenEvents(
        changed(snapshot({ status: 'review' }), { assignedAgentId: 1, assignedTo: 'bob', status: 'assigned' }),
      );
  });

  it('does not move a task out of work because the assignee is taken away', () => {
    given(created({ ...toBob, status: 'in_progress' }))
      .when(change(nobody))
      .thenEvents(changed(snapshot({ status: 'in_progress' }), { assignedAgentId: 1, assignedTo: 'bob' }));
  });

  it('to the project that it is in keeps the ticket', () => {
    given(created())
      .when(change({ projectId: 1, projectName: 'x', projectPrefix: 'X', ticketNo: 9 }))
      .thenNothing();
  });

  it('tells whom the new description mentions and the old one did not', () => {
    const mentions = [bob, eve];
    given(created({ description: 'for @bob.' }, [bob]))
      .when(change({ description: '@bob and @eve' }, { mentions }))
      .thenEvents(
        changed(snapshot({ description: '@bob and @eve' }), { description: 'for @bob.' }, { mentions: [eve] }),
      );
    given(created({ description: '@bob' }, [bob]))
      .when(change({ title: 'New' }, { mentions }))
      .thenEvents(changed(snapshot({ title: 'New', description: '@bob' }), { title: 'Fix login' }));
  });

  it('to done is refused while the gate is not open', () => {
    given(created())
      .when(change({ status: 'done' }))
      .thenRefused({ kind: 'GateClosed' });
    given(created({ gate: 'override', status: 'inbox' }))
      .when(change({ status: 'done' }))
      .thenRefused({ kind: 'GateClosed' });
  });

  it('to done through the open gate sets the time of completion, once', () => {
    given(created({ gate: 'open' }))
      .when(change({ status: 'done' }))
      .thenEvents(
        changed(snapshot({ gate: 'open', status: 'done', completedAt: AT }), { completedAt: null, status: 'inbox' }),
      );
    given(created({ gate: 'open', completedAt: 5 }))
      .when(change({ status: 'done' }))
      .thenEvents(changed(snapshot({ gate: 'open', status: 'done', completedAt: 5 }), { status: 'inbox' }));
    given(created({ gate: 'open', status: 'done', completedAt: 5 }))
      .when(change({ completedAt: null }))
      .thenNothing();
  });

  it('is refused when there is no such task, or no longer', () => {
    given()
      .when(change({ title: 'New' }))
      .thenRefused({ kind: 'NoSuchTask' });
    given(created(), deleted)
      .when(change({ title: 'New' }))
      .thenRefused({ kind: 'NoSuchTask' });
  });
});

describe('an agent that may reach its own tasks only', () => {
  const own = { onlyFor: bob };

  it('is refused what is not its own, before existence', () => {
    given()
      .when(change({ title: 'New' }, own))
      .thenRefused({ kind: 'NotYours' });
    given(created(), deleted)
      .when(change({ title: 'New' }, own))
      .thenRefused({ kind: 'NotYours' });
    given(created({ assignedTo: 'eve', assignedAgentId: 2 }))
      .when(change({ title: 'New' }, own))
      .thenRefused({ kind: 'NotYours' });
  });

  it('does not inherit the task of another agent that had its name', () => {
    given(created({ assignedTo: 'bob', assignedAgentId: 99 }))
      .when(change({ title: 'New' }, own))
      .thenRefused({ kind: 'NotYours' });
  });

  it('has what was assigned to its name while nobody had the name', () => {
    given(created({ assignedTo: 'bob' }))
      .when(change({ title: 'New' }, own))
      .thenEvents(changed(snapshot({ assignedTo: 'bob', title: 'New' }), { title: 'Fix login' }));
  });
});

describe('claiming', () => {
  it('takes a task out of the inbox with a lease', () => {
    given(created()).when(claim('a')).thenEvents(claimed);
  });

  it('takes what is assigned to the agent, not what is assigned to another', () => {
    const assigned = created({ ...toBob, status: 'assigned' });
    given(assigned)
      .when(claim('a'))
      .thenEvents({
        type: 'TaskClaimed',
        data: {
          ...move({
            status: 'in_progress',
            previousStatus: 'assigned',
            ...toBob,
            previousAssignee: 'bob',
            previousAgentId: 1,
          }),
          ...bobsLease,
        },
      });
    given(assigned).when(claim('a', eve)).thenRefused({ kind: 'TakenByAnother' });
  });

  it('is nothing with the lease that is held, and refused with any other', () => {
    given(created(), claimed).when(claim('a')).thenNothing();
    given(created(), claimed).when(claim('b')).thenRefused({ kind: 'AlreadyHeld' });
    given(created(), claimed).when(claim('b', eve)).thenRefused({ kind: 'TakenByAnother' });
    given(created(), claimed, released).when(claim('a')).thenRefused({ kind: 'LeaseLost', how: 'released' });
  });

  it('gives a lease to whoever works on it without one, and it goes back to assigned', () => {
    const working = { ...toBob, previousAssignee: 'bob', previousAgentId: 1 };
    const lease = {
      type: 'TaskClaimed',
      data: { ...move({ status: 'in_progress', previousStatus: 'in_progress', ...working }), ...bobsLease },
    } as const;
    const inProgress = created({ ...toBob, status: 'in_progress' });
    given(inProgress).when(claim('a')).thenEvents(lease);
    given(inProgress).when(claim('a', eve)).thenRefused({ kind: 'NotClaimable' });
    given(inProgress, lease)
      .when({ type: 'ExpireLease', leaseId: 'a', epoch: 1 })
      .thenEvents({
        type: 'TaskLeaseExpired',
        data: {
          ...move({ status: 'assigned', previousStatus: 'in_progress', ...working }),
          leaseId: 'a',
          holder: 'bob',
        },
      });
  });

  it('is refused in every other state', () => {
    for (const status of taskStatuses.filter((other) => !['inbox', 'assigned'].includes(other))) {
      given(created({ status })).when(claim('a')).thenRefused({ kind: 'NotClaimable' });
    }
  });

  it('counts the epoch up with every lease', () => {
    given(created(), claimed, expired)
      .when(claim('b', eve))
      .thenEvents({
        type: 'TaskClaimed',
        data: {
          ...move({ status: 'in_progress', assignedTo: 'eve', assignedAgentId: 2 }),
          leaseId: 'b',
          holder: 'eve',
          holderAgentId: 2,
          epoch: 2,
          leaseSeconds: 900,
        },
      });
  });
});

describe('a lease', () => {
  const working = snapshot({ status: 'in_progress', ...toBob });

  it('is renewed by its holder, and lost to nobody else', () => {
    given(created(), claimed)
      .when({ type: 'RenewLease', leaseId: 'a' })
      .thenEvents({ type: 'TaskLeaseRenewed', data: { taskId: 7, ...bobsLease } });
    given(created(), claimed, expired)
      .when({ type: 'RenewLease', leaseId: 'a' })
      .thenRefused({ kind: 'LeaseLost', how: 'expired' });
  });

  it('is released to exactly what was before, once', () => {
    const release: TaskCommand = { type: 'ReleaseTask', leaseId: 'a', reason: null };
    given(created(), claimed).when(release).thenEvents(released);
    given(created(), claimed, released).when(release).thenNothing();
    given(created(), claimed, expired).when(release).thenRefused({ kind: 'LeaseLost', how: 'expired' });
    given(created()).when({ type: 'ReleaseTask', reason: null }).thenRefused({ kind: 'NotClaimed' });
    given(created()).when(release).thenRefused({ kind: 'LeaseLost', how: 'superseded' });
  });

  it('runs out once, and not when another one is held by now', () => {
    const expire: TaskCommand = { type: 'ExpireLease', leaseId: 'a', epoch: 1 };
    given(created(), claimed).when(expire).thenEvents(expired);
    given(created(), claimed, expired).when(expire).thenNothing();
    given(created(), claimed, deleted).when(expire).thenNothing();
    given().when(expire).thenRefused({ kind: 'NoSuchTask' });
  });

  it('is renewed by the holder’s change and comment, and kept by those of others', () => {
    given(created(), claimed)
      .when(change({ title: 'New' }, { by: bob }))
      .thenEvents(changed({ ...working, title: 'New' }, { title: 'Fix login' }, { lease: 'renewed' }));
    given(created(), claimed)
      .when(change({ title: 'New' }))
      .thenEvents(changed({ ...working, title: 'New' }, { title: 'Fix login' }, { lease: 'kept' }));
    given(created(), claimed)
      .when(comment(1, bob))
      .thenEvents(commented(1, bob, { ...toBob, subscribers: [boss], lease: 'renewed' }));
  });

  it('ends with another status, or in other hands', () => {
    given(created(), claimed)
      .when(change({ status: 'review' }, { leaseId: 'a' }))
      .thenEvents(changed({ ...working, status: 'review' }, { status: 'in_progress' }, { lease: 'ended' }));
    given(created(), claimed)
      .when(change({ assignedTo: 'eve', assignedAgentId: 2 }))
      .thenEvents(
        changed(
          { ...working, assignedTo: 'eve', assignedAgentId: 2 },
          { assignedAgentId: 1, assignedTo: 'bob' },
          { lease: 'ended' },
        ),
      );
  });

  it('that has ended refuses the late holder’s change, and says how it ended', () => {
    const late = change({ status: 'review' }, { by: bob, leaseId: 'a' });
    given(created(), claimed, expired).when(late).thenRefused({ kind: 'LeaseLost', how: 'expired' });
    given(created(), claimed, released).when(late).thenRefused({ kind: 'LeaseLost', how: 'released' });
    given(created(), claimed, {
      type: 'TaskStatusSet',
      data: { ...move({ status: 'backlog', previousStatus: 'in_progress', ...toBob }), completedAt: null },
    })
      .when(late)
      .thenRefused({ kind: 'LeaseLost', how: 'superseded' });
  });

  it('that has ended is told to the agent that had it, also when the task is out of its reach, and to no other', () => {
    const late = change({ status: 'review' }, { by: bob, leaseId: 'a', onlyFor: bob });
    const unchanged = change({ title: 'Fix login' }, { by: bob, leaseId: 'a', onlyFor: bob });
    const release = { type: 'ReleaseTask', leaseId: 'a', reason: null, onlyFor: bob } as const;
    const toEve = { status: 'in_progress', assignedTo: 'eve', assignedAgentId: 2 } as const;
    const taken: TaskEvent = {
      type: 'TaskClaimed',
      data: { ...move(toEve), leaseId: 'e', holder: 'eve', holderAgentId: 2, epoch: 2, leaseSeconds: 900 },
    };
    given(created(), claimed, expired).when(late).thenRefused({ kind: 'LeaseLost', how: 'expired' });
    given(created(), claimed, expired).when(unchanged).thenRefused({ kind: 'LeaseLost', how: 'expired' });
    given(created(), claimed, expired).when(release).thenRefused({ kind: 'LeaseLost', how: 'expired' });
    given(created(), claimed, released).when(release).thenNothing();
    given(created(), claimed, released, taken).when(release).thenRefused({ kind: 'LeaseLost', how: 'released' });
    given(created(), claimed, expired)
      .when(change({ status: 'review' }, { by: eve, leaseId: 'a', onlyFor: eve }))
      .thenRefused({ kind: 'NotYours' });
    given(created(), claimed, expired)
      .when(change({ status: 'review' }, { by: bob, leaseId: 'b', onlyFor: bob }))
      .thenRefused({ kind: 'NotYours' });
  });

  it('does not matter to a change that changes nothing: a repeated one stays harmless', () => {
    given(created(), claimed, expired)
      .when(change({ title: 'Fix login' }, { leaseId: 'a' }))
      .thenNothing();
  });
});

describe('setting the status', () => {
  it('moves the task', () => {
    given(created())
      .when({ type: 'SetStatus', status: 'review', at: AT })
      .thenEvents({ type: 'TaskStatusSet', data: { ...move({ status: 'review' }), completedAt: null } });
  });

  it('is nothing when it has that status, and needs the gate for done', () => {
    given(created()).when({ type: 'SetStatus', status: 'inbox', at: AT }).thenNothing();
    given(created()).when({ type: 'SetStatus', status: 'done', at: AT }).thenRefused({ kind: 'GateClosed' });
    given(created({ gate: 'open' }))
      .when({ type: 'SetStatus', status: 'done', at: AT })
      .thenEvents({ type: 'TaskStatusSet', data: { ...move({ status: 'done' }), completedAt: AT } });
  });
});

describe('deleting', () => {
  it('is a fact, once', () => {
    given(created()).when({ type: 'DeleteTask' }).thenEvents(deleted);
    given(created(), deleted).when({ type: 'DeleteTask' }).thenNothing();
    given().when({ type: 'DeleteTask' }).thenRefused({ kind: 'NoSuchTask' });
  });
});

describe('commenting', () => {
  it('names who else follows the task: author, assignee, commenters, mentioned ones, never who comments', () => {
    given(created(toBob), commented(1, eve) as TaskEvent)
      .when(comment(2, bob))
      .thenEvents(commented(2, bob, { ...toBob, subscribers: [boss, eve] }));
    given(created(toBob, [eve]))
      .when(comment(2, boss, { mentions: [eve] }))
      .thenEvents(commented(2, boss, { ...toBob, mentions: [eve], subscribers: [bob] }));
  });

  it('answers comments of this task only', () => {
    given(created())
      .when(comment(2, eve, { parentId: 1 }))
      .thenRefused({ kind: 'NoSuchParent' });
    given(created(toBob), commented(1, eve) as TaskEvent)
      .when(comment(2, eve, { parentId: 1 }))
      .thenEvents(commented(2, eve, { ...toBob, parentId: 1, subscribers: [boss, bob] }));
  });

  it('assigns a task that nobody has to the first agent mentioned', () => {
    const mentions = [bob, eve];
    given(created())
      .when(comment(1, boss, { mentions }))
      .thenEvents(commented(1, boss, { mentions }), {
        type: 'TaskChanged',
        data: {
          task: snapshot({ ...toBob, status: 'assigned' }),
          changes: ['assignedAgentId', 'assignedTo', 'status'],
          previous: { assignedAgentId: null, assignedTo: null, status: 'inbox' },
          mentions: [],
          reason: 'mention',
          lease: 'none',
        },
      });
  });
});

describe('broadcasting', () => {
  it('goes to everybody who follows the task but the sender', () => {
    given(created(toBob, [eve]))
      .when({ type: 'Broadcast', message: 'stop', by: bob })
      .thenEvents({
        type: 'TaskBroadcast',
        data: { taskId: 7, title: 'Fix login', message: 'stop', recipients: [boss, eve], ...toBob },
      });
  });
});

describe('reviewing', () => {
  const toReview = { ...toBob, previousAssignee: 'bob', previousAgentId: 1 };

  it('by aegis opens the gate and completes the task', () => {
    given(created({ status: 'review' }))
      .when(review('approved', 'aegis'))
      .thenEvents(
        reviewed('approved', 'aegis', { status: 'done', previousStatus: 'review', gate: 'open', completedAt: AT }),
      );
  });

  it('by anybody else changes neither gate nor status, however the name is written', () => {
    for (const reviewer of ['carol', 'Aegis', 'aegis ']) {
      given(created({ status: 'review' }))
        .when(review('approved', reviewer))
        .thenEvents(reviewed('approved', reviewer, { status: 'review', previousStatus: 'review' }));
    }
  });

  it('that rejects sends the task back to work, by whomever', () => {
    given(created({ ...toBob, status: 'done', gate: 'open', completedAt: 5 }))
      .when(review('rejected', 'carol'))
      .thenEvents(
        reviewed('rejected', 'carol', {
          ...move({ ...toReview, status: 'in_progress', previousStatus: 'done' }),
          gate: 'open',
          completedAt: 5,
        }),
      );
    given(created({ status: 'review' }))
      .when(review('rejected', 'carol'))
      .thenEvents(reviewed('rejected', 'carol', { status: 'review', previousStatus: 'review' }));
  });

  it('that aegis takes back closes the gate', () => {
    given(created(toBob), approved)
      .when(review('rejected', 'aegis', 2))
      .thenEvents(
        reviewed('rejected', 'aegis', {
          ...move({ status: 'in_progress', previousStatus: 'done' }),
          ...nobody,
          status: 'done',
          reviewId: 2,
          completedAt: AT,
        }),
      );
  });
});

const agents = fc.constantFrom(bob, eve, boss);
const assignments = fc.constantFrom(
  nobody,
  toBob,
  { assignedTo: 'eve', assignedAgentId: 2 },
  { assignedTo: 'zoe', assignedAgentId: null },
);
const leaseIds = fc.constantFrom('a', 'b', 'c', 'd');
const statuses = fc.constantFrom(...taskStatuses);
const confinement = fc.option(agents, { nil: undefined }).map((onlyFor) => (onlyFor === undefined ? {} : { onlyFor }));

const commands: fc.Arbitrary<TaskCommand> = fc.oneof(
  fc
    .record({ status: statuses, assignment: assignments })
    .map(({ status, assignment }) => create({ status, ...assignment })),
  fc
    .record({
      changes: fc.record(
        {
          title: fc.constantFrom('x', 'y'),
          description: fc.constantFrom(null, 'for @bob', '@eve, @bob.'),
          status: statuses,
          completedAt: fc.constantFrom(null, 5),
          retryCount: fc.nat(2),
        },
        { requiredKeys: [] },
      ),
      assignment: fc.option(assignments, { nil: {} }),
      by: agents,
      leaseId: fc.option(leaseIds, { nil: undefined }),
      mentions: fc.subarray([bob, eve]),
      confined: confinement,
    })
    .map(({ changes, assignment, by, leaseId, mentions, confined }) =>
      change(
        { ...changes, ...assignment },
        { by, mentions, ...confined, ...(leaseId === undefined ? {} : { leaseId }) },
      ),
    ),
  fc.record({ type: fc.constant('SetStatus' as const), status: statuses, at: fc.constant(AT) }),
  fc.constant<TaskCommand>({ type: 'DeleteTask' }),
  fc
    .record({
      id: fc.integer({ min: 1, max: 6 }),
      author: agents,
      parentId: fc.constantFrom(null, 1, 2),
      mentions: fc.subarray([bob, eve]),
    })
    .map(({ id, author, ...more }) => comment(id, author, more)),
  fc
    .record({
      verdict: fc.constantFrom('approved' as const, 'rejected' as const),
      reviewer: fc.constantFrom('aegis', 'carol'),
      id: fc.integer({ min: 1, max: 6 }),
    })
    .map(({ verdict, reviewer, id }) => review(verdict, reviewer, id)),
  fc.record({ leaseId: leaseIds, who: agents }).map(({ leaseId, who }) => claim(leaseId, who)),
  fc.record({ leaseId: leaseIds }).map(({ leaseId }): TaskCommand => ({ type: 'ReleaseTask', leaseId, reason: null })),
  fc
    .record({ leaseId: leaseIds, epoch: fc.integer({ min: 1, max: 4 }) })
    .map(({ leaseId, epoch }): TaskCommand => ({ type: 'ExpireLease', leaseId, epoch })),
);
/** Every one of these counts, so they are left out where a repeat must be nothing. */
const signsOfLife: fc.Arbitrary<TaskCommand> = fc.oneof(
  leaseIds.map((leaseId): TaskCommand => ({ type: 'RenewLease', leaseId })),
  agents.map((by): TaskCommand => ({ type: 'Broadcast', message: 'hello', by })),
);

function run(history: readonly TaskCommand[]): { readonly state: TaskState; readonly events: readonly TaskEvent[] } {
  const events: TaskEvent[] = [];
  let state = taskDecider.initialState;
  for (const command of [create(), ...history]) {
    const decision = taskDecider.decide(command, state);
    if (decision.kind !== 'accepted') continue;
    events.push(...decision.events);
    state = decision.events.reduce(taskDecider.evolve, state);
  }
  return { state, events };
}

describe('any sequence of commands', () => {
  const histories = fc.array(fc.oneof({ weight: 9, arbitrary: commands }, { weight: 1, arbitrary: signsOfLife }), {
    maxLength: 25,
  });

  it('decided again gives nothing', () => {
    fc.assert(
      fc.property(histories, commands, (history, command) => {
        const { state } = run(history);
        const decision = taskDecider.decide(command, state);
        if (decision.kind === 'refused') return;
        const after = decision.events.reduce(taskDecider.evolve, state);
        const again = taskDecider.decide(command, after);
        // Whoever gave a task away does not reach it any more, and an ended lease stays ended.
        if (again.kind === 'refused') expect(['NotYours', 'LeaseLost']).toContain(again.refusal.kind);
        else expect(again.events).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps one holder, who is the assignee of a task in progress, and epochs that only grow', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { events } = run(history);
        let state = taskDecider.initialState;
        const epochs: number[] = [];
        for (const event of events) {
          state = taskDecider.evolve(state, event);
          if (event.type === 'TaskClaimed') epochs.push(event.data.epoch);
          if (state.kind !== 'task') continue;
          const { lease, snapshot: task } = state;
          if (lease !== null) {
            expect(task.status).toBe('in_progress');
            expect({ name: task.assignedTo, agentId: task.assignedAgentId }).toEqual({
              name: lease.holder,
              agentId: lease.holderAgentId,
            });
          }
          if (task.status === 'done') expect(task.completedAt).not.toBeNull();
          if (task.assignedTo === null) expect(task.assignedAgentId).toBeNull();
        }
        expect(epochs).toEqual(epochs.map((_, index) => index + 1));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never enters done through a closed gate', () => {
    fc.assert(
      fc.property(histories, (history) => {
        let state = taskDecider.initialState;
        for (const event of run(history).events) {
          const before = state;
          state = taskDecider.evolve(state, event);
          if (before.kind !== 'task' || state.kind !== 'task') continue;
          if (before.snapshot.status !== 'done' && state.snapshot.status === 'done') {
            expect(event.type === 'TaskReviewed' || before.snapshot.gate === 'open').toBe(true);
            expect(state.snapshot.gate).toBe('open');
          }
        }
      }),
    );
  });

  it('is folded past event types that nobody knows', () => {
    const unknown = { type: 'TaskArchived', data: {} } as unknown as TaskEvent;
    const state = fold([created(), claimed]);
    expect(taskDecider.evolve(state, unknown)).toEqual(state);
    expect(taskDecider.evolve(taskDecider.initialState, unknown)).toEqual(taskDecider.initialState);
  });
});
