import { randomInt } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { EventStore } from '../platform/event-store/event-store.js';
import type { Position } from '../platform/event-store/position.js';
import { GroupCommit } from '../platform/group-commit/group-commit.js';
import { unavailable } from '../platform/http/errors.js';
import { eventIdOf, Ids } from '../platform/ids/ids.js';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import type { HeartbeatReceived } from './heartbeats.events.js';
import { HEARTBEAT_SHARDS, heartbeatStream } from './heartbeat-streams.js';

export interface Beat {
  readonly context: CommandContext;
  readonly data: HeartbeatReceived['data'];
}

/**
 * Writes beats in groups, one append a flush and one flush at a time, so that the beats of one agent keep their order.
 * Every process draws one shard for its life: replicas do not meet on a stream, and a flush is never split.
 */
@Injectable()
export class HeartbeatWriter implements OnApplicationShutdown {
  private readonly stream = heartbeatStream(randomInt(HEARTBEAT_SHARDS));
  private readonly group: GroupCommit<Beat, Position>;

  constructor(
    private readonly store: EventStore,
    private readonly ids: Ids,
  ) {
    this.group = new GroupCommit((beats) => this.flush(beats), {
      maxItems: 500,
      gatherMs: 2,
      maxWaiting: 20_000,
      overload: () => unavailable('Too many heartbeats are waiting to be stored'),
    });
  }

  /** Resolves when the beat is durable. */
  record(beat: Beat): Promise<Position> {
    return this.group.add(beat);
  }

  onApplicationShutdown(): Promise<void> {
    return this.group.idle();
  }

  private async flush(beats: readonly Beat[]): Promise<readonly PromiseSettledResult<Position>[]> {
    const flushId = this.ids.newId();
    const events = beats.map(({ context, data }, index) => ({
      id: eventIdOf(flushId, index),
      type: 'HeartbeatReceived' as const,
      data,
      metadata: metadataOf(context),
    }));
    const { position } = await this.store.append(this.stream, events, 'any');
    return beats.map(() => ({ status: 'fulfilled', value: position }));
  }
}
