import { describe, expect, it } from '@jest/globals';
import { TaskCandidateQueries } from '../../projections/tasks/task-candidates.queries.js';
import { TaskLeaseQueries, type HeldRow } from '../../projections/tasks/task-leases.queries.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { untouchedTask } from '../../test/support/untouched-task.js';
import { TaskDirectory, type KnownTask } from '../tasks/task-directory.js';
import { HeldTasks } from './held-tasks.js';
import { MAX_HELD, QueueReader } from './queue-reader.js';

const who = { name: 'busy', agentId: null };
const at = new Date('2026-01-01T00:00:00.000Z');
const noSql = { query: () => Promise.reject(new Error('this read model is in memory')) };

/** Shows every task as held. */
class LaggingLeases extends TaskLeaseQueries {
  constructor(private readonly shown: number) {
    super(noSql);
  }

  override held(): Promise<readonly (readonly HeldRow[])[]> {
    const row = { revision: 1n, updatedAt: at, leaseId: null, renewedAt: null, leaseExpiresAt: null };
    return Promise.resolve([Array.from({ length: this.shown }, (_, index) => ({ ...row, taskId: index + 1 }))]);
  }
}

/** Knows of the first tasks that they are in progress, and of all others that they are done. */
class CurrentTasks extends TaskDirectory {
  constructor(private readonly inProgress: number) {
    super(new ScriptedLog());
  }

  override find(workspaceId: number, taskId: number): Promise<KnownTask> {
    return this.refresh(workspaceId, taskId);
  }

  override refresh(_workspaceId: number, taskId: number): Promise<KnownTask> {
    const status = taskId <= this.inProgress ? 'in_progress' : 'done';
    const none = { lease: null, epoch: 0, endedLeases: [], commentIds: [], reviewIds: [], deliveryKeys: [] };
    const snapshot = {
      ...untouchedTask,
      status,
      assignedTo: who.name,
      taskId,
      gate: 'closed',
      gateOverride: null,
      progress: null,
      lastState: null,
      createdBy: 'test',
      createdAt: at.toISOString(),
    } as const;
    return Promise.resolve({ task: { ...none, kind: 'task', snapshot, subscribers: [] }, revision: 1n, updatedAt: at });
  }
}

function heldBy({ shown, inProgress }: { shown: number; inProgress: number }) {
  const reader = new QueueReader(new TaskCandidateQueries(noSql), new LaggingLeases(shown));
  return new HeldTasks(reader, new CurrentTasks(inProgress)).of(1, who, undefined);
}

describe('what an agent has in progress', () => {
  it('is what the streams say of the tasks that the read model shows', async () => {
    expect(await heldBy({ shown: 3, inProgress: 2 })).toHaveLength(2);
  });

  it('fills every capacity, however much more of it there is than the read model is asked for', async () => {
    expect(await heldBy({ shown: MAX_HELD, inProgress: MAX_HELD })).toHaveLength(MAX_HELD);
    expect(await heldBy({ shown: MAX_HELD, inProgress: 20 })).toHaveLength(20);
  });

  it('cannot be told when nearly all that the read model shows is over', async () => {
    await expect(heldBy({ shown: MAX_HELD, inProgress: 19 })).rejects.toMatchObject({ status: 503 });
  });
});
