import { describe, it } from '@jest/globals';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { untouchedTask } from '../../test/support/untouched-task.js';
import { taskDecider } from './task.decider.js';
import type { ReportOnTask } from './task-report.decider.js';
import { taskStatuses, type TaskEvent, type TaskSnapshot } from './tasks.events.js';

const { given } = deciderSpec(taskDecider);
const bob = { name: 'bob', agentId: 1 };
const deliveryKey = 'a'.repeat(64);

const snapshot = (more: Partial<TaskSnapshot> = {}): TaskSnapshot => ({
  ...untouchedTask,
  taskId: 7,
  title: 'Fix login',
  status: 'assigned',
  assignedTo: 'bob',
  assignedAgentId: 1,
  createdBy: 'boss',
  createdAt: '2026-01-01T00:00:00.000Z',
  progress: null,
  lastState: null,
  gate: 'closed',
  gateOverride: null,
  ...more,
});
const created = (more: Partial<TaskSnapshot> = {}): TaskEvent => ({
  type: 'TaskCreated',
  data: { task: snapshot(more), authorAgentId: null, mentions: [] },
});
const lease = {
  leaseId: '00000000-0000-4000-8000-000000000001',
  holder: 'bob',
  holderAgentId: 1,
  epoch: 1,
  leaseSeconds: 900,
};
const claimed: TaskEvent = {
  type: 'TaskClaimed',
  data: {
    taskId: 7,
    title: 'Fix login',
    status: 'in_progress',
    previousStatus: 'assigned',
    priority: 'medium',
    projectId: 1,
    assignedTo: 'bob',
    assignedAgentId: 1,
    previousAssignee: 'bob',
    previousAgentId: 1,
    ...lease,
  },
};
const working = snapshot({ status: 'in_progress' });

const progress: ReportOnTask = { type: 'ReportProgress', by: bob, deliveryKey, message: 'half', progress: 50 };
const completion: ReportOnTask = {
  type: 'ReportCompletion',
  by: bob,
  deliveryKey,
  summary: 'fine',
  outcome: 'success',
};
const failure: ReportOnTask = {
  type: 'ReportFailure',
  by: bob,
  deliveryKey,
  error: 'no disk',
  lastState: 'writing',
  outcome: 'failed',
};
const finished = { ...working, status: 'review', resolution: 'fine', outcome: 'success' } as const;

describe('an agent that reports on its task', () => {
  it('renews its lease by progress', () => {
    given(created(), claimed)
      .when(progress)
      .thenEvents({
        type: 'TaskProgressReported',
        data: {
          task: { ...working, progress: 50 },
          previousStatus: 'in_progress',
          deliveryKey,
          lease: 'renewed',
          message: 'half',
        },
      });
  });

  it('brings it to review by completion, never to done, and the lease ends', () => {
    given(created(), claimed)
      .when(completion)
      .thenEvents({
        type: 'TaskCompletionReported',
        data: { task: finished, previousStatus: 'in_progress', deliveryKey, lease: 'ended' },
      });
  });

  it('says why it failed and where it was', () => {
    given(created({ status: 'awaiting_owner' }))
      .when(failure)
      .thenEvents({
        type: 'TaskFailureReported',
        data: {
          task: snapshot({ status: 'failed', errorMessage: 'no disk', lastState: 'writing', outcome: 'failed' }),
          previousStatus: 'awaiting_owner',
          deliveryKey,
          lease: 'none',
        },
      });
  });

  it.each(taskStatuses)('from %s is heard where there is work to report on', (status) => {
    const decided = given(created({ status })).when(completion);
    if (status === 'review') decided.thenNothing();
    else if (['assigned', 'in_progress', 'awaiting_owner'].includes(status)) {
      decided.thenEvents({
        type: 'TaskCompletionReported',
        data: { task: { ...finished, status: 'review' }, previousStatus: status, deliveryKey, lease: 'none' },
      });
    } else decided.thenRefused({ kind: 'AlreadyElsewhere', status });
  });

  it('is not heard on the task of another one', () => {
    given(created({ assignedTo: 'eve', assignedAgentId: 2 }))
      .when(completion)
      .thenRefused({ kind: 'NotYours' });
    given(created({ assignedTo: null, assignedAgentId: null }))
      .when(progress)
      .thenRefused({ kind: 'NotYours' });
  });

  it('moves it by one callback once, also after it was opened again', () => {
    const done: TaskEvent = {
      type: 'TaskCompletionReported',
      data: { task: finished, previousStatus: 'in_progress', deliveryKey, lease: 'ended' },
    };
    const reopened: TaskEvent = {
      type: 'TaskChanged',
      data: {
        task: snapshot(),
        changes: ['status'],
        previous: { status: 'review' },
        mentions: [],
        reason: 'edit',
        lease: 'none',
      },
    };
    given(created(), claimed, done).when(completion).thenNothing();
    given(created(), claimed, done, reopened).when(completion).thenRefused({ kind: 'SpentDelivery' });
    given(created(), claimed, done, reopened).when(failure).thenRefused({ kind: 'SpentDelivery' });
    given(created(), claimed, done, reopened).when(progress).thenNothing();
  });
});
