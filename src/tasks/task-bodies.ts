import type { PipeTransform } from '@nestjs/common';
import { compiledCheck } from '../platform/http/compiled-check.js';
import { invalid } from '../platform/http/errors.js';
import { notJson } from '../platform/http/json-guard.js';
import type { Json } from '../platform/event-store/stored-event.js';
import {
  taskOutcomes,
  taskPriorities,
  taskStatuses,
  type TaskOutcome,
  type TaskPriority,
  type TaskStatus,
} from './tasks.events.js';

const MAX_METADATA_BYTES = 65_536;
const UUID = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
const LAST_SECOND = 4_102_444_800;

const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength });
const optionalText = (maxLength: number, minLength = 0) => ({ type: ['string', 'null'], minLength, maxLength });
const optionalSeconds = { type: ['integer', 'null'], minimum: 0, maximum: LAST_SECOND };
const optionalHours = { type: ['number', 'null'], minimum: 0, maximum: 10_000 };
const taskId = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

const details = {
  title: text(500, 1),
  description: optionalText(5_000),
  project_id: { type: ['integer', 'null'], minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  assigned_to: optionalText(100),
  due_date: optionalSeconds,
  estimated_hours: optionalHours,
  actual_hours: optionalHours,
  tags: { type: ['array', 'null'], maxItems: 50, items: text(100, 1) },
  metadata: {
    type: ['object', 'null'],
    properties: { implementation_repo: text(200, 1), code_location: text(500, 1) },
  },
  outcome: { enum: [...taskOutcomes, null] },
  error_message: optionalText(5_000),
  resolution: optionalText(5_000),
  feedback_rating: { type: ['integer', 'null'], minimum: 1, maximum: 5 },
  feedback_notes: optionalText(5_000),
  retry_count: { type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  completed_at: optionalSeconds,
};

export const createTaskSchema = {
  type: 'object',
  properties: {
    ...details,
    status: { enum: [...taskStatuses, null], default: 'inbox' },
    priority: { enum: [...taskPriorities, null], default: 'medium' },
  },
  required: ['title'],
};

export const changeTaskSchema = {
  type: 'object',
  properties: {
    ...details,
    status: { enum: taskStatuses },
    priority: { enum: taskPriorities },
    lease_id: { type: ['string', 'null'], pattern: UUID, description: 'a UUID' },
  },
};

export const setStatusesSchema = {
  type: 'object',
  properties: {
    tasks: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: { type: 'object', properties: { id: taskId, status: { enum: taskStatuses } }, required: ['id', 'status'] },
    },
  },
  required: ['tasks'],
};

export const commentSchema = {
  type: 'object',
  properties: { content: text(50_000, 1), parent_id: { type: ['integer', 'null'], minimum: 1 } },
  required: ['content'],
};

export const broadcastSchema = {
  type: 'object',
  properties: { message: text(50_000, 1) },
  required: ['message'],
};

export const reviewSchema = {
  type: 'object',
  properties: {
    taskId,
    reviewer: { type: ['string', 'null'], minLength: 1, maxLength: 100, default: 'aegis' },
    status: { enum: ['approved', 'rejected'] },
    notes: text(50_000, 1),
  },
  required: ['taskId', 'status', 'notes'],
};

/** What both bodies of a task may say; null clears. */
export interface TaskDetailsBody {
  readonly description?: string | null;
  readonly project_id?: number | null;
  readonly assigned_to?: string | null;
  readonly due_date?: number | null;
  readonly estimated_hours?: number | null;
  readonly actual_hours?: number | null;
  readonly tags?: readonly string[] | null;
  readonly metadata?: { readonly [key: string]: Json | undefined } | null;
  readonly outcome?: TaskOutcome | null;
  readonly error_message?: string | null;
  readonly resolution?: string | null;
  readonly feedback_rating?: number | null;
  readonly feedback_notes?: string | null;
  readonly retry_count?: number | null;
  readonly completed_at?: number | null;
}

export interface CreateTaskBody extends TaskDetailsBody {
  readonly title: string;
  readonly status?: TaskStatus | null;
  readonly priority?: TaskPriority | null;
}

export interface ChangeTaskBody extends TaskDetailsBody {
  readonly title?: string;
  readonly status?: TaskStatus;
  readonly priority?: TaskPriority;
  /** Null, as a poll without a task answers, is none. */
  readonly lease_id?: string | null;
}

export interface SetStatusesBody {
  readonly tasks: readonly { readonly id: number; readonly status: TaskStatus }[];
}

export interface CommentBody {
  readonly content: string;
  readonly parent_id?: number | null;
}

export interface ReviewBody {
  readonly taskId: number;
  readonly reviewer?: string | null;
  readonly status: 'approved' | 'rejected';
  readonly notes: string;
}

/** The body of a task, checked; 400 with `details` otherwise. */
export function taskBody(schema: object): PipeTransform<unknown, unknown> {
  const check = compiledCheck(schema);
  return {
    transform(body) {
      if (body === undefined) throw notJson();
      const faults = [...(check(body) ?? []).map(titled), ...metadataFaults(body)];
      if (faults.length > 0) throw invalid(faults);
      return body;
    },
  };
}

/** The contract's own words for the one field that every task needs. */
function titled(fault: string): string {
  return fault === 'title: is required' ? 'title: Title is required' : fault;
}

function metadataFaults(body: unknown): readonly string[] {
  const { metadata } = (body ?? {}) as { readonly metadata?: unknown };
  if (typeof metadata !== 'object' || metadata === null) return [];
  const fits = Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES;
  return fits ? [] : [`metadata: must be at most ${MAX_METADATA_BYTES} bytes of JSON`];
}
