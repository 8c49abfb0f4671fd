import { describe, expect, it } from '@jest/globals';
import type { AssignedTaskItem, WorkItemSections } from '../../projections/work-items/work-items.queries.js';
import { BEFORE_EVERYTHING } from '../platform/event-store/position.js';
import { workJson } from './work-item-json.js';

const agent = { workspaceId: 1, agentId: 4, name: 'ann' };
const none = { count: 0, items: [] };
const empty: WorkItemSections = {
  checkpoint: BEFORE_EVERYTHING,
  mentions: none,
  assignedTasks: none,
  notifications: none,
  urgentActivities: none,
  changesAt: null,
};
const task: AssignedTaskItem = {
  id: 7,
  title: 'Fix it',
  status: 'in_progress',
  priority: 'high',
  due_date: null,
  project_prefix: 'TASK',
  ticket_no: 7,
  metadata: {},
  lease_seconds: null,
  lease_agent_id: null,
  lease_renewed_at: null,
  last_seen: null,
};
const mention = {
  id: 1,
  comment_id: 2,
  task_id: 7,
  task_title: 'Fix it',
  author: 'bob',
  content: '@ann',
  created_at: 5,
};
const notification = { id: 3, type: 'assignment', title: 'New task', message: 'Fix it', created_at: 5 } as const;
const activity = { id: 9, type: 'task_created', description: 'bob created a task', created_at: 5 };

const told = (sections: Partial<WorkItemSections>, beaten = true) =>
  workJson({ ...empty, ...sections }, agent, { at: 1_000, beaten });
const shown = (fields: Partial<AssignedTaskItem>, beaten = true) => {
  const answer = told({ assignedTasks: { count: 1, items: [{ ...task, ...fields }] } }, beaten);
  return 'work_items' in answer ? answer.work_items[0]?.items[0] : undefined;
};

describe('the work items of an answer', () => {
  it('are none: all is well', () => {
    expect(told({})).toEqual({
      status: 'HEARTBEAT_OK',
      agent: 'ann',
      checked_at: 1_000,
      message: 'No work items found',
    });
  });

  it('come in the order of the contract, each only when there is some, and are counted', () => {
    const answer = told({
      mentions: { count: 12, items: [mention] },
      assignedTasks: { count: 1, items: [task] },
      notifications: { count: 6, items: [notification] },
      urgentActivities: { count: 1, items: [activity] },
    });
    expect(answer).toMatchObject({ status: 'WORK_ITEMS_FOUND', agent: 'ann', checked_at: 1_000, total_items: 20 });
    expect('work_items' in answer && answer.work_items.map(({ type, count }) => [type, count])).toEqual([
      ['mentions', 12],
      ['assigned_tasks', 1],
      ['notifications', 6],
      ['urgent_activities', 1],
    ]);
    const some = told({ notifications: { count: 1, items: [notification] } });
    expect('work_items' in some && some.work_items).toEqual([
      { type: 'notifications', count: 1, items: [notification] },
    ]);
  });

  it('say of a task what an agent needs to begin', () => {
    expect(shown({})).toEqual({
      id: 7,
      title: 'Fix it',
      status: 'in_progress',
      priority: 'high',
      due_date: null,
      ticket_ref: 'TASK-007',
    });
    expect(shown({ metadata: { github_repo: 'a/b', path: 'src' } })).toMatchObject({
      implementation_repo: 'a/b',
      code_location: 'src',
    });
    expect(shown({ metadata: { implementation_repo: 'c/d', github_repo: 'a/b', codeLocation: 7 } })).toMatchObject({
      implementation_repo: 'c/d',
    });
  });

  it('say when a lease runs out: the beat renews the own one, a look does not', () => {
    const lease = { lease_seconds: 60, lease_agent_id: 4, lease_renewed_at: 500, last_seen: 700 };
    expect(shown(lease)).toMatchObject({ lease_expires_at: 1_060 });
    expect(shown(lease, false)).toMatchObject({ lease_expires_at: 760 });
    expect(shown({ ...lease, lease_agent_id: null, last_seen: null })).toMatchObject({ lease_expires_at: 560 });
  });
});
