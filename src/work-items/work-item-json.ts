import type {
  AssignedTaskItem,
  Section,
  WorkItemSections,
  WorkingAgent,
} from '../../projections/work-items/work-items.queries.js';
import type { Json } from '../platform/event-store/stored-event.js';
import { ticketRef } from '../tasks/task-json.js';

/** The metadata names under which people write the same thing. */
const repositoryNames = ['implementation_repo', 'implementationRepo', 'github_repo'] as const;
const locationNames = ['code_location', 'codeLocation', 'path'] as const;

/** Status, message and items of an answer to a beat; `at` is the time of the answer in unix seconds. */
export function workJson(
  sections: WorkItemSections,
  agent: WorkingAgent,
  { at, beaten }: { readonly at: number; readonly beaten: boolean },
) {
  const common = { agent: agent.name, checked_at: at };
  const { mentions, assignedTasks, notifications, urgentActivities } = sections;
  const tasks = {
    count: assignedTasks.count,
    items: assignedTasks.items.map((task) =>
      taskItem(task, beaten && task.lease_agent_id === agent.agentId ? at : null),
    ),
  };
  const workItems = [
    ...sectionJson('mentions', mentions),
    ...sectionJson('assigned_tasks', tasks),
    ...sectionJson('notifications', notifications),
    ...sectionJson('urgent_activities', urgentActivities),
  ];
  if (workItems.length === 0) {
    return { status: 'HEARTBEAT_OK', ...common, message: 'No work items found' };
  }
  const total = workItems.reduce((sum, { count }) => sum + count, 0);
  return { status: 'WORK_ITEMS_FOUND', ...common, work_items: workItems, total_items: total };
}

function sectionJson<Item>(type: string, { count, items }: Section<Item>) {
  return items.length === 0 ? [] : [{ type, count, items }];
}

/** `renewedAt`: this very beat renews the lease. */
function taskItem(task: AssignedTaskItem, renewedAt: number | null) {
  const repository = named(task.metadata, repositoryNames);
  const location = named(task.metadata, locationNames);
  const lease = leaseExpiry(task, renewedAt);
  return {
    id: task.id,
    title: task.title,
    status: task.status,
    priority: task.priority,
    due_date: task.due_date,
    ...(repository === undefined ? {} : { implementation_repo: repository }),
    ...(location === undefined ? {} : { code_location: location }),
    ticket_ref: ticketRef(task.project_prefix, task.ticket_no),
    ...(lease === undefined ? {} : { lease_expires_at: lease }),
  };
}

function leaseExpiry(task: AssignedTaskItem, renewedAt: number | null): number | undefined {
  if (task.lease_seconds === null) return undefined;
  return Math.max(renewedAt ?? 0, task.lease_renewed_at ?? 0, task.last_seen ?? 0) + task.lease_seconds;
}

function named(metadata: AssignedTaskItem['metadata'], names: readonly string[]): Json | undefined {
  const name = names.find((one) => Object.hasOwn(metadata, one) && typeof metadata[one] === 'string');
  return name === undefined ? undefined : metadata[name];
}
