import { allFrameMappings } from '../../src/live/frames/all.frames.js';
import type { FrameContent, FrameMapping } from '../../src/live/frames/frame-mapping.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import type { TaskDeleted } from '../../src/tasks/tasks.events.js';
import { toldBy, urgentTypes, word, type FrameData, type Told } from './activity-words.js';

export interface ActivityRow extends Told {
  readonly id: bigint;
  readonly workspaceId: number;
  readonly actor: string;
  readonly adminOnly: boolean;
  readonly urgentFor: string | null;
  /** Whom the task, which is gone by this, waited for. */
  readonly settledFor: string | null;
  /** Whom it is about, and who did it. */
  readonly agentIds: readonly number[];
  readonly at: string;
}

/**
 * Reports of usage are no entries of the feed (ADR 0008): there is one a beat, they say nothing that a person reads, and
 * they have lists of their own.
 */
const UNTOLD = 'token.';
const ITSELF = 'activity.created';

const mappings = new Map<string, FrameMapping>();
for (const mapping of allFrameMappings) {
  if (mapping.frame.startsWith(UNTOLD)) continue;
  if (mapping.frame !== ITSELF && toldBy[mapping.frame] === undefined) {
    throw new Error(`nobody says how ${mapping.frame} is told in the feed`);
  }
  mappings.set(mapping.event, mapping);
}

/** Every event that has a public frame, apart from reports of usage. */
export const toldEvents: readonly string[] = [...mappings.keys()];

/** The feed is told in the words of the public frames, so that listeners and lists cannot disagree. */
export function foldActivities(events: readonly StoredEvent[]): readonly ActivityRow[] {
  return events.flatMap((event) => {
    const mapping = mappings.get(event.type);
    return mapping === undefined ? [] : [rowOf(event, mapping)];
  });
}

function rowOf(event: StoredEvent, mapping: FrameMapping): ActivityRow {
  const { metadata, position } = event;
  const content = mapping.map(event.data, metadata, event);
  const told = toldOf(content, content.frame ?? mapping.frame, metadata.actor.name);
  const doer = metadata.actor.kind === 'agent' ? Number(metadata.actor.id) : Number.NaN;
  const agentIds = new Set([...(content.about.agentIds ?? []), ...(Number.isSafeInteger(doer) ? [doer] : [])]);
  return {
    ...told,
    id: position.commit,
    workspaceId: metadata.workspaceId,
    actor: metadata.actor.name,
    adminOnly: content.audience === 'admin',
    urgentFor: urgentFor(event, told.type, doer),
    settledFor: event.type === 'TaskDeleted' ? waitingFor(event.data as TaskDeleted['data']) : null,
    agentIds: [...agentIds].sort((one, other) => one - other),
    at: metadata.recordedAt,
  };
}

function toldOf({ data }: FrameContent, frame: string, actor: string): Told {
  if (frame !== ITSELF) {
    const tell = toldBy[frame];
    if (tell === undefined) throw new Error(`nobody says how ${frame} is told in the feed`);
    return tell(data, actor);
  }
  const { entity_id: entityId, data: more } = data;
  return {
    type: word(data['type']),
    entityType: word(data['entity_type']),
    entityId: typeof entityId === 'number' ? entityId : null,
    description: word(data['description']),
    data: typeof more === 'object' && more !== null && !Array.isArray(more) ? (more as FrameData) : null,
  };
}

/** Nobody is told of what it assigned to itself. */
function urgentFor({ data }: StoredEvent, type: string, doer: number): string | null {
  if (!urgentTypes.has(type) || !('task' in data)) return null;
  const assignment = data.task as Assignment;
  return assignment.assignedAgentId === doer ? null : waitingFor(assignment);
}

type Assignment = Pick<TaskDeleted['data'], 'assignedTo' | 'assignedAgentId'>;

function waitingFor({ assignedTo, assignedAgentId }: Assignment): string | null {
  if (assignedTo === null) return null;
  return assignedAgentId === null ? `name:${assignedTo}` : `agent:${assignedAgentId}`;
}
