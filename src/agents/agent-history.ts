import { Injectable } from '@nestjs/common';
import { BeatHistory } from '../heartbeats/beat-history.js';
import type { HeartbeatReceived } from '../heartbeats/heartbeats.events.js';
import { foldAll, type Loaded } from '../platform/command/aggregates.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Moment } from '../platform/event-store/past.js';
import { comparePositions, isAfter, type Position } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { Json, StoredEvent } from '../platform/event-store/stored-event.js';
import { notFound } from '../platform/http/errors.js';
import { noDetail } from './agent-details.js';
import { AgentDirectory } from './agent-directory.js';
import { agentJson, connectionJson, viewOf } from './agent-json.js';
import { agentDecider, type RegisteredAgent } from './agent.decider.js';
import type { AgentEvent, ConnectionOpened } from './agents.events.js';
import { AgentMemories } from './memory/agent-memories.js';

type Beat = StoredEvent<HeartbeatReceived>;

/** The last fact that an answer rests on. */
interface Basis {
  readonly position: Position;
  readonly recordedAt: string;
}

/** What an agent was, from what the log holds of it. */
@Injectable()
export class AgentHistory {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly memories: AgentMemories,
    private readonly beats: BeatHistory,
    private readonly generation: LogGeneration,
  ) {}

  /** The usual body as it was then. Errors: 404 when nobody had this id or name yet, or no longer. */
  async agentAsOf(workspaceId: number, reference: string, wasThere: Moment): Promise<Json> {
    const events = await this.directory.asOf(workspaceId, reference, wasThere);
    const loaded = foldAll(agentDecider, events);
    const { state, firstAt } = loaded;
    if (state.kind !== 'active' || firstAt === undefined) throw notFound('Agent not found');

    const opened = events.findLast(isOpening);
    const [memory, beats, summarisedUntil] = await Promise.all([
      this.memories.asOf(state.agentId, wasThere),
      this.beats.lastBeats(state.agentId, firstAt, wasThere),
      opened && this.beats.summarisedUntil(opened.data.connectionId, wasThere),
    ]);
    const seen = beats.find(
      ({ data }) => data.connectionId === null || data.connectionId === opened?.data.connectionId,
    );
    const active = activeBeat(events, beats);
    const lastSeen = latest([opened?.metadata.recordedAt, summarisedUntil, seen?.metadata.recordedAt]);
    const view = {
      ...viewOf(loaded),
      lastSeen,
      lastActivity: active?.data.lastActivity ?? state.lastActivity,
    };
    return {
      agent: {
        ...agentJson(view, { ...noDetail, workingMemory: memory.state.content }),
        // Tasks are other streams, and their counts are known as of now only.
        taskStats: null,
        connection: connectionJson(connectionOf(state, opened, lastSeen)),
      },
      asOf: this.asOfJson([...basisOf(loaded), ...basisOf(memory), ...[seen, active].flatMap(basisOfEvent)]),
    };
  }

  private asOfJson(bases: readonly Basis[]): Json {
    const last = bases.toSorted((a, b) => comparePositions(a.position, b.position)).at(-1);
    if (last === undefined) throw notFound('Agent not found');
    return { position: positionText(last.position, this.generation.current), recordedAt: last.recordedAt };
  }
}

function isOpening(event: StoredEvent<AgentEvent>): event is StoredEvent<ConnectionOpened> {
  return event.type === 'ConnectionOpened';
}

/** The last beat that says what the agent does, unless a fact of its own has said so since. */
function activeBeat(events: readonly StoredEvent<AgentEvent>[], beats: readonly Beat[]): Beat | undefined {
  const said = events.findLast(
    ({ data }) => 'lastActivity' in data || ('changes' in data && data.changes.lastActivity !== undefined),
  );
  return beats.find(
    ({ data, position }) => data.lastActivity !== undefined && (said === undefined || isAfter(position, said.position)),
  );
}

function connectionOf(
  { connection }: RegisteredAgent,
  opened: StoredEvent<ConnectionOpened> | undefined,
  lastSeen: Date | null,
) {
  if (connection === null || opened === undefined) return null;
  const createdAt = new Date(opened.metadata.recordedAt);
  return {
    connectionId: connection.id,
    toolName: connection.toolName,
    createdAt,
    lastHeartbeat: lastSeen ?? createdAt,
  };
}

function latest(instants: readonly (string | undefined)[]): Date | null {
  const known = instants.filter((instant) => instant !== undefined).map((instant) => Date.parse(instant));
  return known.length === 0 ? null : new Date(Math.max(...known));
}

function basisOf({ position, lastAt }: Loaded<unknown>): readonly Basis[] {
  return position === undefined || lastAt === undefined ? [] : [{ position, recordedAt: lastAt.toISOString() }];
}

function basisOfEvent(event: StoredEvent | undefined): readonly Basis[] {
  return event === undefined ? [] : [{ position: event.position, recordedAt: event.metadata.recordedAt }];
}
