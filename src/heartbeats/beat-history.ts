import { Injectable } from '@nestjs/common';
import type { HeartbeatsSummarised } from '../connections/connections.events.js';
import { EventStore, isReadable, type LogEntry } from '../platform/event-store/event-store.js';
import { type Moment, streamAsOf } from '../platform/event-store/past.js';
import { comparePositions } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { HEARTBEAT_SHARDS, heartbeatStream } from './heartbeat-streams.js';
import type { HeartbeatReceived } from './heartbeats.events.js';

type Beat = StoredEvent<HeartbeatReceived>;

const PAGE = 500;
/** Beats of all agents, per stream. */
const LOOK_BACK = 2_000;

/** What the log still holds of the beats of the past. */
@Injectable()
export class BeatHistory {
  constructor(private readonly store: EventStore) {}

  /**
   * The last beats of an agent at some moment, newest first, back to one that says what the agent does. Raw beats go by
   * their retention, and only the last ones of each stream are looked at: none says nothing.
   */
  async lastBeats(agentId: number, since: Date, wasThere: Moment): Promise<readonly Beat[]> {
    const streams = Array.from({ length: HEARTBEAT_SHARDS }, (_, shard) => heartbeatStream(shard));
    const beats = await Promise.all(streams.map((stream) => this.beatsIn(stream, agentId, since, wasThere)));
    return beats.flat().toSorted((a, b) => comparePositions(b.position, a.position));
  }

  /** The last beat of a connection that a summary of that moment knows of, ISO 8601: kept for ever. */
  async summarisedUntil(connectionId: string, wasThere: Moment): Promise<string | undefined> {
    for await (const [last] of streamAsOf(this.store, `connection-${connectionId}`, wasThere, 1)) {
      return last !== undefined && isSummary(last) ? last.data.to : undefined;
    }
    return undefined;
  }

  private async beatsIn(stream: string, agentId: number, since: Date, wasThere: Moment): Promise<readonly Beat[]> {
    const found: Beat[] = [];
    let looked = 0;
    for await (const page of streamAsOf(this.store, stream, wasThere, PAGE)) {
      found.push(...page.filter(isBeat).filter(({ data }) => data.agentId === agentId));
      looked += page.length;
      const isBeforeTheAgent = page.some(({ createdAt }) => createdAt < since);
      if (isBeforeTheAgent || looked >= LOOK_BACK || found.some(({ data }) => data.lastActivity !== undefined)) break;
    }
    return found;
  }
}

function isBeat(entry: LogEntry): entry is Beat {
  return isReadable(entry) && entry.type === 'HeartbeatReceived';
}

function isSummary(entry: LogEntry): entry is StoredEvent<HeartbeatsSummarised> {
  return isReadable(entry) && entry.type === 'HeartbeatsSummarised';
}
