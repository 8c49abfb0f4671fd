import type { Json } from '../platform/event-store/stored-event.js';
import type { CallbackReport } from './callbacks.events.js';

export type ParsedCallback =
  | { readonly kind: 'report'; readonly report: CallbackReport }
  /** The compatibility form `TASK_COMPLETE: …`: the agent's only open task is meant. */
  | { readonly kind: 'only_task'; readonly report: CallbackReport }
  | { readonly kind: 'invalid'; readonly details: readonly string[] };

type Fields = Readonly<Record<string, unknown>>;

/** Each field in both spellings; a callback uses one of them. */
const SPELLINGS: Readonly<Record<string, string>> = {
  taskId: 'task_id',
  lastState: 'last_state',
  tokenUsage: 'token_usage',
};
const KNOWN = [
  'type',
  'timestamp',
  'taskId',
  'summary',
  'message',
  'progress',
  'error',
  'lastState',
  'outcome',
  'tokenUsage',
];
/** Identity comes from the secret, never from what a body claims. */
const FORBIDDEN = ['workspace_id', 'workspaceId', 'agent_id', 'agentId', 'agent', 'role', 'actor'];
const COMPLETE = /^TASK_COMPLETE: ?([^]*)$/;

/** Reads a callback: the envelope of the standard, or the same fields flat. `legacy` knows three older forms besides. */
export function parseCallback(body: unknown, legacy: boolean): ParsedCallback {
  if (!isObject(body)) return invalid(['body: Must be an object']);
  const older = legacy ? olderForm(body) : undefined;
  if (older !== undefined) return older;
  const details: string[] = [];
  const top = normalised(body, '', details);
  const enveloped = top['data'] !== undefined;
  for (const name of Object.keys(top)) {
    const allowed = enveloped ? ['type', 'timestamp', 'data'] : KNOWN;
    if (!FORBIDDEN.includes(name) && !allowed.includes(name)) details.push(`${name}: Unknown field`);
  }
  if (enveloped && !isObject(top['data'])) return invalid([...details, 'data: Must be an object']);
  const fields = enveloped ? normalised(top['data'] as Fields, 'data.', details) : top;
  if (
    top['timestamp'] !== undefined &&
    (typeof top['timestamp'] !== 'string' || Number.isNaN(Date.parse(top['timestamp'])))
  ) {
    details.push('timestamp: Must be an ISO 8601 time');
  }
  return read(top['type'], fields, details);
}

function normalised(fields: Fields, path: string, details: string[]): Fields {
  const result: Record<string, unknown> = { ...fields };
  for (const name of FORBIDDEN) {
    if (name in result) details.push(`${path}${name}: Must not be given`);
  }
  for (const [camel, snake] of Object.entries(SPELLINGS)) {
    if (!(snake in result)) continue;
    if (camel in result) details.push(`${path}${snake}: Given twice, also as ${camel}`);
    result[camel] ??= result[snake];
    delete result[snake];
  }
  return result;
}

function read(type: unknown, fields: Fields, details: string[]): ParsedCallback {
  const taskId = taskIdOf(fields['taskId'], details);
  const report = { taskId, progress: null, lastState: null, tokenUsage: (fields['tokenUsage'] ?? null) as Json };
  const text = (name: string, maxLength: number) => textOf(fields, name, maxLength, details);
  switch (type) {
    case 'task.progress': {
      const message = text('message', 5_000);
      if (message === null) details.push('message: Is required');
      return settled(
        { ...report, type, message, progress: progressOf(fields['progress'], details), outcome: null },
        details,
      );
    }
    case 'task.completed': {
      if (taskId === null) details.push('taskId: Is required');
      const summary = text('summary', 5_000);
      const message = summary ?? text('message', 5_000);
      const outcome = choice(fields['outcome'], ['success', 'partial'] as const, details);
      return settled({ ...report, type, message, outcome }, details);
    }
    case 'task.failed': {
      if (taskId === null) details.push('taskId: Is required');
      const message = text('error', 5_000);
      if (message === null) details.push('error: Is required');
      const outcome = choice(fields['outcome'], ['failed', 'abandoned'] as const, details);
      return settled({ ...report, type, message, lastState: text('lastState', 500), outcome }, details);
    }
    default:
      return invalid([...details, 'type: Must be one of task.progress, task.completed, task.failed']);
  }
}

/** `{task_id, summary?}`, `{task_id, error, last_state?}` and `{session_id, message: "TASK_COMPLETE: …"}`. */
function olderForm(body: Fields): ParsedCallback | undefined {
  if (body['type'] !== undefined) return undefined;
  const details: string[] = [];
  if (body['session_id'] !== undefined) {
    const { message } = body;
    const summary = typeof message === 'string' ? COMPLETE.exec(message)?.[1] : undefined;
    if (summary === undefined || summary.length > 5_000)
      return invalid(['message: Must be "TASK_COMPLETE: <summary>"']);
    const done = read('task.completed', { taskId: 1, summary }, details);
    return done.kind === 'report' ? { kind: 'only_task', report: { ...done.report, taskId: null } } : done;
  }
  const fields = normalised(body, '', details);
  return read(fields['error'] === undefined ? 'task.completed' : 'task.failed', fields, details);
}

function settled(report: CallbackReport, details: readonly string[]): ParsedCallback {
  return details.length === 0 ? { kind: 'report', report } : invalid(details);
}

function taskIdOf(value: unknown, details: string[]): number | null {
  if (value === undefined || value === null) return null;
  const number = typeof value === 'string' && /^[1-9]\d{0,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number > 0) return number;
  details.push('taskId: Must be a positive integer');
  return null;
}

function progressOf(value: unknown, details: string[]): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  details.push('progress: Must be a number from 0 to 100');
  return null;
}

function textOf(fields: Fields, name: string, maxLength: number, details: string[]): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
  details.push(`${name}: Must be text of 1 to ${maxLength} characters`);
  return null;
}

/** The first one is the default. */
function choice<T extends string>(value: unknown, choices: readonly [T, ...T[]], details: string[]): T {
  const found = value === undefined || value === null ? choices[0] : choices.find((each) => each === value);
  if (found !== undefined) return found;
  details.push(`outcome: Must be one of ${choices.join(', ')}`);
  return choices[0];
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(details: readonly string[]): ParsedCallback {
  return { kind: 'invalid', details };
}
