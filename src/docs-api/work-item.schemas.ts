import { count, object, type Schema, seconds } from './operation.js';

const id = count;
const line: Schema = { type: 'string' };
const optionalSeconds: Schema = { type: ['integer', 'null'], description: 'Unix seconds' };

function section(type: string, maxItems: number, item: Schema): Schema {
  return object({ type: { const: type }, count, items: { type: 'array', maxItems, items: item } });
}

/** In this order, each only when there is some; `count` is how many there are, `items` the first of them. */
export const workItems: Schema = {
  type: 'array',
  items: {
    oneOf: [
      section(
        'mentions',
        10,
        object({
          id: { ...id, description: 'Of the notification: what `ack` takes' },
          comment_id: id,
          task_id: id,
          task_title: line,
          author: line,
          content: { type: 'string', description: 'The first 100 characters' },
          created_at: seconds,
        }),
      ),
      section(
        'assigned_tasks',
        10,
        object({
          id,
          title: line,
          status: { enum: ['assigned', 'in_progress'] },
          priority: { enum: ['critical', 'high', 'medium', 'low'] },
          due_date: optionalSeconds,
          implementation_repo: line,
          code_location: line,
          ticket_ref: line,
          lease_expires_at: seconds,
        }),
      ),
      section('notifications', 5, object({ id, type: line, title: line, message: line, created_at: seconds })),
      section('urgent_activities', 5, object({ id, type: line, description: line, created_at: seconds })),
    ],
  },
};

export const lookExample = {
  status: 'WORK_ITEMS_FOUND',
  agent: 'build-bot',
  checked_at: 1_767_225_600,
  work_items: [
    {
      type: 'assigned_tasks',
      count: 1,
      items: [
        {
          id: 7,
          title: 'Fix login',
          status: 'assigned',
          priority: 'high',
          due_date: null,
          implementation_repo: 'acme/app',
          ticket_ref: 'TASK-007',
        },
      ],
    },
  ],
  total_items: 1,
  connection_status: 'connected',
  asOfPosition: '1-0000000000004b110000000000004b11-5f3b91d0',
};
