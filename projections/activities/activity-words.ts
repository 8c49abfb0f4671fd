import type { Json } from '../../src/platform/event-store/stored-event.js';

/** The data of a public frame. */
export type FrameData = { readonly [key: string]: Json | undefined };

/** A fact as an entry of the feed. */
export interface Told {
  readonly type: string;
  readonly entityType: string;
  readonly entityId: number | null;
  readonly description: string;
  readonly data: FrameData | null;
}

const PREVIEW = 100;

/** How each kind of fact that has a frame type of its own is told. `activity.created` tells itself. */
export const toldBy: Readonly<Record<string, (data: FrameData, actor: string) => Told>> = {
  'task.created': (data, actor) => ({
    ...task('task_created', data),
    description: `${actor} created ${titled(data)}${data['assigned_to'] === null ? '' : ` for ${word(data['assigned_to'])}`}`,
    data: pick(data, 'status', 'priority', 'assigned_to'),
  }),
  'task.updated': taskUpdated,
  'task.status_changed': (data, actor) => ({
    ...task('task_status_changed', data),
    description: movedSentence(data, actor),
    data: pick(data, 'status', 'previous_status', 'assigned_to', 'reason', 'error_message'),
  }),
  'task.deleted': (data, actor) => ({
    ...task('task_deleted', data),
    description: `${actor} deleted ${titled(data)}`,
    data: null,
  }),
  'comment.added': (data) => ({
    type: 'comment_added',
    entityType: 'comment',
    entityId: id(data['id']),
    description: `${word(data['author'])} commented on "${word(data['task_title'])}": ${preview(word(data['content']))}`,
    data: pick(data, 'task_id', 'task_title', 'parent_id', 'mentions'),
  }),
  'notification.created': (data) => ({
    type: 'notification_created',
    entityType: 'notification',
    entityId: id(data['id']),
    description: `${word(data['recipient'])} is told: ${preview(word(data['message']))}`,
    data: pick(data, 'recipient', 'type', 'source_type', 'source_id'),
  }),
  'agent.created': (data) => ({
    ...agent('agent_created', data['id']),
    description: `Agent ${word(data['name'])} was registered as ${word(data['role'])}`,
    data: pick(data, 'role', 'status'),
  }),
  'agent.updated': (data) => ({
    ...agent('agent_updated', data['id']),
    description: `Agent ${word(data['name'])} was changed: ${list(data['changes'])}`,
    data: pick(data, 'changes', 'previous_name'),
  }),
  'agent.status_changed': (data) => ({
    ...agent('agent_status_change', data['id']),
    description: `Agent ${word(data['name'])} is ${word(data['status'])}, was ${word(data['previous_status'])}`,
    data: pick(data, 'status', 'previous_status', 'reason', 'last_activity'),
  }),
  'agent.deleted': (data) => ({
    ...agent('agent_deleted', data['id']),
    description: `Agent ${word(data['name'])} was deleted`,
    data: null,
  }),
  'connection.created': (data) => ({
    ...agent('connection_created', data['agent_id']),
    description: `${word(data['agent_name'])} connected with ${word(data['tool_name'])}`,
    data: pick(data, 'connection_id', 'tool_name', 'tool_version', 'epoch'),
  }),
  'callback.received': (data) => ({
    ...agent('callback_received', data['agent_id']),
    description: `${word(data['agent_name'])} called back: ${word(data['type'])}`,
    data: pick(data, 'delivery_id', 'type', 'task_id', 'message', 'progress'),
  }),
  'connection.disconnected': (data) => ({
    ...agent('connection_disconnected', data['agent_id']),
    description: `${word(data['agent_name'])} disconnected: ${word(data['reason'])}`,
    data: pick(data, 'connection_id', 'reason', 'replaced_by'),
  }),
  'webhook.created': (data, actor) => webhook('created', data, `${actor} registered`),
  'webhook.updated': (data, actor) => webhook('updated', data, `${actor} updated`),
  'webhook.deleted': (data, actor) => webhook('deleted', data, `${actor} deleted`),
  'webhook.failing': (data) => webhook('failing', data, 'Nothing but failures at'),
  'webhook.exhausted': (data) => webhook('exhausted', data, 'A message died for'),
  'webhook.disabled': (data, actor) => webhook('disabled', data, `${actor} disabled`),
};

/** The types that tell an agent of work that waits for it, and so stand in its heartbeat. */
export const urgentTypes: ReadonlySet<string> = new Set(['task_created', 'task_assigned', 'high_priority_alert']);

const URGENT = ['critical', 'high'];

/** One fact, one entry: an assignment is told before anything else that the same change did. */
function taskUpdated(data: FrameData, actor: string): Told {
  const changes = Array.isArray(data['changes']) ? (data['changes'] as readonly Json[]) : [];
  const told = pick(data, 'changes', 'status', 'previous_status', 'priority', 'assigned_to', 'reason');
  const isAssigned = typeof data['assigned_to'] === 'string';
  const isUrgent = URGENT.includes(word(data['priority']));
  const assigns = isAssigned && changes.includes('assigned_to');
  if (isAssigned && isUrgent && (assigns || changes.includes('priority'))) {
    return {
      ...task('high_priority_alert', data),
      description: `${actor}: ${word(data['priority'])} priority for ${word(data['assigned_to'])}: ${titled(data)}`,
      data: told,
    };
  }
  if (assigns) {
    const description = `${actor} assigned ${titled(data)} to ${word(data['assigned_to'])}`;
    return { ...task('task_assigned', data), description, data: told };
  }
  const description = `${actor} changed ${list(data['changes'])} of ${titled(data)}`;
  return { ...task('task_updated', data), description, data: told };
}

function movedSentence(data: FrameData, actor: string): string {
  const what = titled(data);
  switch (data['reason']) {
    case 'claimed':
      return `${word(data['assigned_to'])} took ${what}`;
    case 'released':
      return `${actor} gave ${what} back`;
    case 'lease_expired':
      return `${what} went back to the queue: its holder fell silent`;
    default:
      return `${actor} moved ${what} from ${word(data['previous_status'])} to ${word(data['status'])}`;
  }
}

function task(type: string, data: FrameData) {
  return { type, entityType: 'task', entityId: id(data['id']) };
}

function agent(type: string, agentId: Json | undefined) {
  return { type, entityType: 'agent', entityId: id(agentId) };
}

function webhook(what: string, data: FrameData, sentence: string): Told {
  return {
    type: `webhook_${what}`,
    entityType: 'webhook',
    entityId: id(data['id']),
    description: `${sentence} webhook ${word(data['name'])}`,
    data: pick(data, 'enabled', 'reason'),
  };
}

function titled(data: FrameData): string {
  return `task "${word(data['title'])}"`;
}

/** A text as it is, anything else as JSON. */
export function word(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function list(value: Json | undefined): string {
  return Array.isArray(value) ? value.map((each: Json) => word(each)).join(', ') : '';
}

/** Whole characters: half of a surrogate pair would be no text. */
function preview(text: string): string {
  const characters = Array.from(text.slice(0, 2 * PREVIEW + 1));
  return characters.length <= PREVIEW ? characters.join('') : `${characters.slice(0, PREVIEW).join('')}…`;
}

function id(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function pick(data: FrameData, ...keys: readonly string[]): FrameData {
  return Object.fromEntries(keys.flatMap((key) => (data[key] === undefined ? [] : [[key, data[key]]])));
}
