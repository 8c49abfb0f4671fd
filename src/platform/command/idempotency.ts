import { Injectable } from '@nestjs/common';
import { EventStore, isReadable } from '../event-store/event-store.js';
import { RevisionConflict } from '../event-store/event-store.errors.js';
import type { Position } from '../event-store/position.js';
import type { Json } from '../event-store/stored-event.js';
import { conflict } from '../http/errors.js';
import { eventIdOf } from '../ids/ids.js';
import type { CausingFact } from './caused-facts.js';
import type { CommandEvent } from './command.events.js';
import { metadataOf, type CommandContext } from './command-context.js';

/** What a command answers: status, body, and the position of its last fact. */
export interface CommandAnswer {
  readonly status: number;
  readonly body: Json;
  readonly position: Position | undefined;
  readonly replayed?: boolean;
  /** The command's events, where others record facts because of them that the answer is to wait for. */
  readonly causes?: readonly CausingFact[];
}

/**
 * One effect per idempotency key, for ever: the claim, with the digest of the request, is an event of its own, written
 * before the command; the first success is kept beside it. A crash in between is finished by the next repeat, because
 * the command's own events carry ids derived from the same key.
 */
@Injectable()
export class Idempotency {
  constructor(private readonly store: EventStore) {}

  /** Errors: 409 when the key already stands for another request. */
  async once(context: CommandContext, route: string, run: () => Promise<CommandAnswer>): Promise<CommandAnswer> {
    if (!context.keyed) return run();
    const stream = `command-${context.commandId}`;
    const earlier = await this.claim(stream, context, route);
    if (earlier !== undefined) return earlier;
    const answer = await run();
    return (await this.keep(stream, context, answer)) ?? answer;
  }

  private async claim(stream: string, context: CommandContext, route: string): Promise<CommandAnswer | undefined> {
    const bodyDigest = context.bodyDigest ?? '';
    const found = await this.read(stream);
    if (found.length === 0) {
      const event: CommandEvent = { type: 'CommandClaimed', data: { route, bodyDigest } };
      try {
        await this.store.append(stream, [proposed(context, event, 0)], 'no_stream');
        return undefined;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        return this.claim(stream, context, route);
      }
    }
    for (const event of found) {
      if (event.type === 'CommandClaimed' && event.data.bodyDigest !== bodyDigest) {
        throw conflict('Idempotency-Key already used with a different request');
      }
    }
    return answerIn(found);
  }

  private async keep(
    stream: string,
    context: CommandContext,
    answer: CommandAnswer,
  ): Promise<CommandAnswer | undefined> {
    const event: CommandEvent = { type: 'CommandAnswered', data: { status: answer.status, body: answer.body } };
    await this.store.append(stream, [proposed(context, event, 1)], 0n).catch((error: unknown) => {
      if (!(error instanceof RevisionConflict)) throw error;
    });
    const kept = answerIn(await this.read(stream));
    return kept === undefined ? undefined : { ...kept, position: answer.position, replayed: answer.replayed ?? false };
  }

  private async read(stream: string): Promise<readonly CommandEvent[]> {
    const entries = (await this.store.readStream(stream)) ?? [];
    return entries.filter(isReadable).map((entry) => ({ type: entry.type, data: entry.data }) as CommandEvent);
  }
}

function answerIn(events: readonly CommandEvent[]): CommandAnswer | undefined {
  for (const event of events) {
    if (event.type === 'CommandAnswered') return { ...event.data, position: undefined, replayed: true };
  }
  return undefined;
}

function proposed(context: CommandContext, event: CommandEvent, index: number) {
  return {
    id: eventIdOf(`claim:${context.commandId}`, index),
    type: event.type,
    data: event.data,
    metadata: metadataOf(context),
  };
}
