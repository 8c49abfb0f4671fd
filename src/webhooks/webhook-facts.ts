import { frameOf } from '../live/frames/all.frames.js';
import type { Frame } from '../live/frames/frame.js';
import { isReadable, type LogEntry } from '../platform/event-store/event-store.js';
import type { Position } from '../platform/event-store/position.js';
import type { Json, StoredEvent } from '../platform/event-store/stored-event.js';
import type { AccessRefused } from '../security/security.events.js';

/** A fact as receivers may be told of it: one public frame, one message. */
export interface WebhookFact {
  readonly eventId: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly position: Position;
  readonly workspaceId: number;
  readonly correlationId: string;
  readonly recordedAt: string;
  /** The frame's type. */
  readonly type: string;
  /** The name that the reference product has for it. */
  readonly event: string;
  readonly data: { readonly [key: string]: Json | undefined };
  /** What must keep its order in mode `key`: the task, else the agent. */
  readonly key: string;
  /** Facts about webhooks and keys: told only to who names them, or the first `*` would deliver its own attempts for ever. */
  readonly byNameOnly: boolean;
  /** The endpoint that the fact is about; it is never told itself. */
  readonly aboutWebhook: number | undefined;
}

const SAME_NAME = ['token.', 'callback.', 'webhook.'];

/** The fact of an event; undefined for events that nobody is told of. Pure. */
export function factOf(entry: LogEntry): WebhookFact | undefined {
  const frame = frameOf(entry);
  if (!isReadable(entry)) return undefined;
  if (frame === undefined) return securityFactOf(entry);
  const { data } = JSON.parse(frame.json) as { readonly data: WebhookFact['data'] };
  const isAboutWebhook = frame.type.startsWith('webhook.');
  return {
    eventId: entry.id,
    stream: entry.stream,
    revision: entry.revision,
    position: entry.position,
    workspaceId: frame.workspaceId,
    correlationId: entry.metadata.correlationId,
    recordedAt: entry.metadata.recordedAt,
    type: frame.type,
    event: eventNameOf(frame.type, data),
    data,
    key: keyOf(frame),
    byNameOnly: frame.forAdmins || isAboutWebhook,
    aboutWebhook: isAboutWebhook && typeof data['id'] === 'number' ? data['id'] : undefined,
  };
}

/** Refused access has no frame, and is told to who names it. */
function securityFactOf(entry: StoredEvent): WebhookFact | undefined {
  if (entry.type !== 'AccessRefused') return undefined;
  const { data } = entry as StoredEvent<AccessRefused>;
  const { workspaceId, correlationId, recordedAt } = entry.metadata;
  const name = `security.${data.kind}`;
  return {
    eventId: entry.id,
    stream: entry.stream,
    revision: entry.revision,
    position: entry.position,
    workspaceId,
    correlationId,
    recordedAt,
    type: name,
    event: name,
    data: { ...data, workspace_id: workspaceId },
    key: 'security',
    byNameOnly: true,
    aboutWebhook: undefined,
  };
}

function eventNameOf(type: string, data: WebhookFact['data']): string {
  if (SAME_NAME.some((prefix) => type.startsWith(prefix))) return type;
  if (type === 'notification.created') return `notification.${word(data['type'])}`;
  if (type === 'activity.created') return `activity.${word(data['type'])}`;
  if (type === 'agent.status_changed') return 'agent.status_change';
  return `activity.${type.replace('.', '_')}`;
}

function word(value: Json | undefined): string {
  return typeof value === 'string' ? value : 'other';
}

function keyOf({ taskIds, agentIds, agentNames }: Frame): string {
  const [task] = taskIds;
  if (task !== undefined) return `task ${task}`;
  const [agent] = agentIds;
  return agent === undefined ? `agent ${agentNames[0] ?? ''}` : `agent ${agent}`;
}

const ERROR_ONLY = 'agent.error';

/** The name under which a fact goes to who lists `entries`; undefined: it does not go there. Pure. */
export function nameFor(fact: WebhookFact, webhookId: number, entries: readonly string[]): string | undefined {
  if (fact.aboutWebhook === webhookId) return undefined;
  if (entries.some((entry) => selects(entry, fact))) return fact.event;
  const isError = fact.type === 'agent.status_changed' && fact.data['status'] === 'error';
  return isError && entries.includes(ERROR_ONLY) ? ERROR_ONLY : undefined;
}

function selects(entry: string, { type, event, byNameOnly }: WebhookFact): boolean {
  if (byNameOnly) return entry === event;
  if (entry === '*' || entry === event || entry === type) return true;
  const prefix = `${entry.endsWith('.*') ? entry.slice(0, -2) : entry}.`;
  return type.startsWith(prefix) || event.startsWith(prefix);
}
