import { atLeast, choice, object, type Operation, paging, parameter, seconds, text } from './operation.js';

const types = ['assignment', 'mention', 'comment', 'status_change', 'message', 'heartbeat'];
const count = { type: 'integer', minimum: 0 };
const success = { const: true };
const ids = { type: 'array', items: { type: 'integer', minimum: 1 }, minItems: 1, maxItems: 500 };
const moment = { type: ['integer', 'null'], description: 'Unix seconds' };

const notification = object({
  id: { type: 'integer' },
  recipient: { type: 'string' },
  type: { enum: types },
  title: { type: 'string' },
  message: { type: 'string' },
  source_type: { enum: ['task', 'comment'] },
  source_id: { type: 'integer' },
  read_at: moment,
  delivered_at: moment,
  created_at: seconds,
  workspace_id: { type: 'integer' },
  source: { type: ['object', 'null'], description: 'The task or comment as it is now; null when it is gone' },
});

const mention = {
  id: 91,
  recipient: 'build-bot',
  type: 'mention',
  title: 'You were mentioned',
  message: 'ops mentioned you in a comment on "Fix the build": look @build-bot',
  source_type: 'comment',
  source_id: 12,
  read_at: null,
  delivered_at: null,
  created_at: 1_767_225_600,
  workspace_id: 1,
  source: {
    type: 'comment',
    id: 12,
    task_id: 7,
    task_title: 'Fix the build',
    author: 'ops',
    content_preview: 'look @build-bot',
  },
};

const activity = object({
  id: { type: 'integer', description: 'The place of the fact in the log' },
  type: { type: 'string' },
  entity_type: { type: 'string' },
  entity_id: { type: ['integer', 'null'] },
  actor: { type: 'string' },
  description: { type: 'string' },
  data: { type: ['object', 'null'] },
  created_at: seconds,
  workspace_id: { type: 'integer' },
  entity: { type: ['object', 'null'], description: 'The task, agent or comment as it is now' },
});

const assigned = {
  id: 19_217,
  type: 'task_assigned',
  entity_type: 'task',
  entity_id: 7,
  actor: 'ops',
  description: 'ops assigned task "Fix the build" to build-bot',
  data: { changes: ['assigned_to', 'status'], status: 'assigned', previous_status: 'inbox', assigned_to: 'build-bot' },
  created_at: 1_767_225_600,
  workspace_id: 1,
  entity: { type: 'task', id: 7, title: 'Fix the build', status: 'assigned' },
};

export const notificationOperations: Readonly<Record<string, Operation>> = {
  'GET /api/notifications': {
    tag: 'Notifications',
    summary: 'Notifications of one recipient',
    description: 'Newest first. `unreadCount` is of the whole inbox, whatever the filter.',
    query: [
      parameter('recipient', 'Whose; required', text(100)),
      choice('unread_only', '`1`: only what is unread', ['0', '1', 'false', 'true']),
      choice('type', 'Only these', types),
      ...paging(500),
      atLeast,
    ],
    answer: object({
      notifications: { type: 'array', items: notification },
      total: count,
      page: count,
      limit: count,
      unreadCount: count,
    }),
    example: { notifications: [mention], total: 1, page: 1, limit: 50, unreadCount: 1 },
  },
  'PUT /api/notifications': {
    tag: 'Notifications',
    summary: 'Mark notifications as read',
    description: 'By `ids`, or all of a `recipient` with `markAllRead`. Unknown ids are ignored.',
    body: {
      required: true,
      schema: object({ ids, recipient: text(100), markAllRead: { const: true } }),
      example: { ids: [91] },
    },
    answer: object({ success, markedAsRead: count }),
    example: { success: true, markedAsRead: 1 },
  },
  'POST /api/notifications': {
    tag: 'Notifications',
    summary: 'Take what an agent was not yet given',
    description: 'The oldest 500 that were not delivered; they are delivered then. Ask again until there are none.',
    body: {
      required: true,
      schema: object({ action: { const: 'mark-delivered' }, agent: text(100) }, ['action', 'agent']),
      example: { action: 'mark-delivered', agent: 'build-bot' },
    },
    answer: object({ success, delivered: count, notifications: { type: 'array', items: notification } }),
    example: { success: true, delivered: 1, notifications: [{ ...mention, delivered_at: 1_767_225_660 }] },
  },
  'DELETE /api/notifications': {
    tag: 'Notifications',
    summary: 'Delete notifications',
    description:
      'By `ids`, or those of a `recipient` that are `olderThan` (unix seconds). That they were raised stays.',
    body: {
      required: true,
      schema: object({ ids, recipient: text(100), olderThan: seconds }),
      example: { recipient: 'build-bot', olderThan: 1_767_225_600 },
    },
    answer: object({ success, deleted: count }),
    example: { success: true, deleted: 12 },
  },
  'GET /api/activities': {
    tag: 'Activities',
    summary: 'Who did what to what',
    description:
      'Newest first: one entry a public fact, but for reports of usage. With `stats` figures of the last `hours` instead of entries.',
    query: [
      parameter('type', 'Only these types, with commas between'),
      parameter('actor', 'Only what this one did'),
      parameter('entity_type', 'Only about these: task, comment, agent, notification, project, …'),
      parameter('since', 'Not before this', seconds),
      parameter('stats', 'Given: figures'),
      parameter('hours', 'Of how many hours', { type: 'integer', minimum: 1, maximum: 720, default: 24 }),
      ...paging(500),
      atLeast,
    ],
    answer: {
      anyOf: [
        object({ activities: { type: 'array', items: activity }, total: count, hasMore: { type: 'boolean' } }),
        object({
          timeframe: { type: 'string' },
          activityByType: { type: 'array', items: object({ type: { type: 'string' }, count }) },
          topActors: { type: 'array', items: object({ actor: { type: 'string' }, activity_count: count }) },
          timeline: {
            type: 'array',
            items: object({ timestamp: seconds, count, hour: { type: 'string', format: 'date-time' } }),
          },
        }),
      ],
    },
    example: { activities: [assigned], total: 1, hasMore: false },
  },
  'GET /api/mentions': {
    tag: 'Activities',
    summary: 'Who can be mentioned',
    description: 'By part of the name or of the handle, for completing what follows an `@`.',
    query: [
      parameter('q', 'Part of the name; empty for everybody'),
      choice('type', 'Only these', ['user', 'agent']),
      ...paging(200).slice(0, 1),
      atLeast,
    ],
    answer: object({
      mentions: {
        type: 'array',
        items: object({
          handle: { type: 'string' },
          recipient: { type: 'string' },
          type: { enum: ['user', 'agent'] },
          display: { type: 'string' },
          role: { type: 'string' },
        }),
      },
      total: count,
      q: { type: 'string' },
    }),
    example: {
      mentions: [{ handle: 'build-bot', recipient: 'Build Bot', type: 'agent', display: 'Build Bot', role: 'coder' }],
      total: 1,
      q: 'bui',
    },
  },
};
