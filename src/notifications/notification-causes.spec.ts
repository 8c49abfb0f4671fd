import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { untouchedTask } from '../../test/support/untouched-task.js';
import type { Actor } from '../platform/event-store/stored-event.js';
import type { Recipient, TaskSnapshot } from '../tasks/tasks.events.js';
import { notificationsCausedBy, type CausingEvent } from './notification-causes.js';

const bob: Recipient = { name: 'bob', agentId: 2 };
const eve: Recipient = { name: 'eve', agentId: 3 };
const nobody: Recipient = { name: 'nobody', agentId: null };

const task: TaskSnapshot = {
  ...untouchedTask,
  taskId: 7,
  title: 'Fix the build',
  description: 'ask @eve',
  status: 'assigned',
  assignedTo: 'bob',
  assignedAgentId: 2,
  projectName: 'general',
  createdBy: 'ops',
  createdAt: '2026-01-01T00:00:00.000Z',
  progress: null,
  lastState: null,
  gate: 'closed',
  gateOverride: null,
};

const move = {
  taskId: 7,
  title: 'Fix the build',
  status: 'review',
  previousStatus: 'in_progress',
  priority: 'medium',
  projectId: 1,
  assignedTo: 'bob',
  assignedAgentId: 2,
  previousAssignee: 'bob',
  previousAgentId: 2,
} as const;

const review = {
  ...move,
  status: 'in_progress',
  previousStatus: 'review',
  reviewId: 1,
  reviewer: 'aegis',
  verdict: 'rejected',
  notes: 'no tests',
  gate: 'closed',
  errorMessage: 'Quality review rejected by aegis: no tests',
  completedAt: null,
} as const;

const comment = {
  commentId: 12,
  taskId: 7,
  taskTitle: 'Fix the build',
  author: 'ops',
  authorAgentId: null,
  content: 'look @eve',
  parentId: null,
  mentions: [eve],
  subscribers: [bob],
  assignedTo: 'bob',
  assignedAgentId: 2,
  lease: 'none',
} as const;

const changedTask = { task, changes: [], previous: {}, mentions: [], reason: 'edit', lease: 'none' } as const;
const ops: Actor = { kind: 'key', id: 'k1', name: 'ops' };
const keyOf = ({ name, agentId }: Recipient): Actor => ({ kind: 'agent', id: String(agentId), name });

function told(event: CausingEvent, actor = ops) {
  return notificationsCausedBy({ ...event, id: 'cause', metadata: sampleMetadata({ actor }) });
}

function kinds(event: CausingEvent, actor = ops): readonly string[] {
  return told(event, actor).map(({ data }) => `${data.type} ${data.recipient}`);
}

describe('the notifications that a fact causes', () => {
  it('tell the assignee of a new task, and whom its description mentions', () => {
    expect(kinds({ type: 'TaskCreated', data: { task, authorAgentId: null, mentions: [eve] } })).toEqual([
      'mention eve',
      'assignment bob',
    ]);
  });

  it('tell nobody of a task without assignee and mentions', () => {
    const unassigned = { ...task, assignedTo: null, assignedAgentId: null };
    expect(kinds({ type: 'TaskCreated', data: { task: unassigned, authorAgentId: null, mentions: [] } })).toEqual([]);
  });

  it('tell a new assignee of the assignment, not of the status that it brought', () => {
    const data = {
      ...changedTask,
      changes: ['assignedTo', 'status'],
      previous: { assignedTo: null, assignedAgentId: null, status: 'inbox' },
    } as const;
    expect(kinds({ type: 'TaskChanged', data })).toEqual(['assignment bob']);
  });

  it('tell the assignee of another status, and whom the new description mentions', () => {
    const data = { ...changedTask, changes: ['status'], previous: { status: 'inbox' }, mentions: [eve] } as const;
    expect(kinds({ type: 'TaskChanged', data })).toEqual(['mention eve', 'status_change bob']);
  });

  it('tell nobody of other changes, of an assignee taken away, and of an assignment by mention', () => {
    expect(kinds({ type: 'TaskChanged', data: { ...changedTask, changes: ['title'] } })).toEqual([]);
    const away = { ...task, assignedTo: null, assignedAgentId: null };
    const taken = { ...changedTask, task: away, changes: ['assignedTo'], previous: { assignedTo: 'bob' } } as const;
    expect(kinds({ type: 'TaskChanged', data: taken })).toEqual([]);
    const byMention = { ...changedTask, changes: ['assignedTo'], reason: 'mention' } as const;
    expect(kinds({ type: 'TaskChanged', data: byMention })).toEqual([]);
  });

  it('tell the assignee of a status set in bulk or by a review, and of no review that left it', () => {
    expect(kinds({ type: 'TaskStatusSet', data: { ...move, completedAt: null } })).toEqual(['status_change bob']);
    expect(told({ type: 'TaskReviewed', data: review })[0]?.data).toMatchObject({
      type: 'status_change',
      recipient: 'bob',
      message: 'aegis moved "Fix the build" from review to in_progress',
    });
    expect(kinds({ type: 'TaskReviewed', data: { ...review, status: 'review' } })).toEqual([]);
  });

  it('tell the mentioned and the other subscribers of a comment, each with its first hundred characters', () => {
    const content = `${'\u{1f680}'.repeat(99)}xyz`;
    const notifications = told({ type: 'CommentAdded', data: { ...comment, content } });
    expect(notifications.map(({ data }) => [data.type, data.recipient, data.sourceType, data.sourceId])).toEqual([
      ['mention', 'eve', 'comment', 12],
      ['comment', 'bob', 'comment', 12],
    ]);
    expect(notifications[0]?.data).toMatchObject({
      taskId: 7,
      commentId: 12,
      author: 'ops',
      taskTitle: 'Fix the build',
      excerpt: `${'\u{1f680}'.repeat(99)}x`,
    });
  });

  it('tell the recipients of a broadcast the whole message', () => {
    const message = 'm'.repeat(5_000);
    const data = { taskId: 7, title: 't', message, recipients: [bob, nobody], assignedTo: null, assignedAgentId: null };
    expect(told({ type: 'TaskBroadcast', data }).map((one) => [one.data.recipient, one.data.message])).toEqual([
      ['bob', message],
      ['nobody', message],
    ]);
  });

  it('never tell an agent of what it did itself', () => {
    expect(kinds({ type: 'TaskCreated', data: { task, authorAgentId: null, mentions: [eve] } }, keyOf(bob))).toEqual([
      'mention eve',
    ]);
    expect(kinds({ type: 'TaskStatusSet', data: { ...move, completedAt: null } }, keyOf(bob))).toEqual([]);
    expect(kinds({ type: 'CommentAdded', data: { ...comment, author: 'eve', authorAgentId: 3 } })).toEqual([
      'comment bob',
    ]);
    const renamed = { kind: 'agent', id: '2', name: 'bob-the-second' } as const;
    expect(kinds({ type: 'TaskStatusSet', data: { ...move, completedAt: null } }, renamed)).toEqual([]);
  });

  it('tell a recipient once, of the mention before the comment before anything else', () => {
    expect(kinds({ type: 'TaskCreated', data: { task, authorAgentId: null, mentions: [bob, bob] } })).toEqual([
      'mention bob',
    ]);
    const both = { ...comment, mentions: [bob], subscribers: [{ name: 'robert', agentId: 2 }, eve] };
    expect(kinds({ type: 'CommentAdded', data: both })).toEqual(['mention bob', 'comment eve']);
  });

  it('have streams that only the cause and the recipient decide', () => {
    const [first] = told({ type: 'TaskCreated', data: { task, authorAgentId: null, mentions: [] } });
    const [again] = told({
      type: 'TaskCreated',
      data: { task: { ...task, title: 'x' }, authorAgentId: null, mentions: [] },
    });
    expect(again?.stream).toBe(first?.stream);
    expect(first?.stream).toBe(`notification-${first?.uuid ?? ''}`);
    const [other] = notificationsCausedBy({
      type: 'TaskCreated',
      data: { task, authorAgentId: null, mentions: [] },
      id: 'another cause',
      metadata: sampleMetadata(),
    });
    expect(other?.stream).not.toBe(first?.stream);
  });

  it('are none for events that are nobody’s business', () => {
    const event = { id: 'cause', type: 'AgentRetired', data: { agentId: 2, name: 'bob' }, metadata: sampleMetadata() };
    expect(notificationsCausedBy(event)).toEqual([]);
  });

  it('are the same however often they are asked for, one per recipient, and whole text', () => {
    const recipient = fc.record({ name: fc.constantFrom('a', 'b', 'c'), agentId: fc.constantFrom(null, 1, 2) });
    const recipients = fc.array(recipient, { maxLength: 6 });
    fc.assert(
      fc.property(recipients, recipients, fc.string({ unit: 'grapheme' }), (mentions, subscribers, content) => {
        const event = { type: 'CommentAdded', data: { ...comment, mentions, subscribers, content } } as const;
        const notifications = told(event);
        expect(told(event)).toEqual(notifications);
        const agents = notifications.flatMap(({ data }) => data.recipientAgentId ?? []);
        expect(new Set(agents).size).toBe(agents.length);
        expect(notifications.every(({ data }) => !/\p{Surrogate}/u.test(data.excerpt ?? ''))).toBe(true);
        expect(new Set(notifications.map(({ uuid }) => uuid)).size).toBe(notifications.length);
      }),
    );
  });
});
