import type { StoredEvent } from '../platform/event-store/stored-event.js';
import type { AuditQuery } from './audit-query.js';

/** True when the event belongs to the workspace and everything that the query says holds for it. Pure. */
export function matchesAudit(event: StoredEvent, query: AuditQuery, workspaceId: number): boolean {
  const { metadata } = event;
  if (metadata.workspaceId !== workspaceId) return false;
  if (query.types.length > 0 && !query.types.includes(event.type)) return false;
  if (query.correlation !== undefined && metadata.correlationId !== query.correlation) return false;
  if (query.actor !== undefined && !isActor(event, query.actor)) return false;
  if (query.agent !== undefined && !isAboutAgent(event, query.agent)) return false;
  if (query.task !== undefined && fieldOf(event, 'taskId') !== query.task) return false;
  const recordedAtMs = Date.parse(metadata.recordedAt);
  if (query.sinceMs !== undefined && recordedAtMs < query.sinceMs) return false;
  return query.untilMs === undefined || recordedAtMs <= query.untilMs;
}

/** The actor's id, its name, or `kind:id`. */
function isActor({ metadata: { actor } }: StoredEvent, asked: string): boolean {
  return actor.id === asked || actor.name === asked || `${actor.kind}:${actor.id}` === asked;
}

/** Facts about an agent, and those that it caused itself. Digits are an id, anything else is the name at that moment. */
function isAboutAgent(event: StoredEvent, asked: string): boolean {
  const { actor } = event.metadata;
  if (/^\d+$/.test(asked)) {
    return fieldOf(event, 'agentId') === Number(asked) || (actor.kind === 'agent' && actor.id === asked);
  }
  if (fieldOf(event, 'agentName') === asked) return true;
  if (actor.kind === 'agent' && actor.name === asked) return true;
  const isOfAgent = fieldOf(event, 'agentId') !== undefined;
  return isOfAgent && (fieldOf(event, 'name') === asked || fieldOf(event, 'previousName') === asked);
}

function fieldOf(event: StoredEvent, field: string): unknown {
  return (event.data as Readonly<Record<string, unknown>>)[field];
}
