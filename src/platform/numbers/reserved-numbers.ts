import { Injectable } from '@nestjs/common';
import { metadataOf, type CommandContext } from '../command/command-context.js';
import { RevisionConflict } from '../event-store/event-store.errors.js';
import { EventStore, isReadable } from '../event-store/event-store.js';
import { derivedId, eventIdOf } from '../ids/ids.js';
import type { NumberReserved } from './numbers.events.js';
import { Numbers, type SequenceName } from './numbers.js';

/**
 * Numbers for what a command creates. A command with an idempotency key may be repeated by another process after a
 * crash: the number is stored before it is used, so the repeat meets the same stream and nothing is created twice.
 */
@Injectable()
export class ReservedNumbers {
  constructor(
    private readonly store: EventStore,
    private readonly numbers: Numbers,
  ) {}

  /** The number of the one thing of this kind that the command creates. Errors: those of the store; repeating is safe. */
  async numberFor(context: CommandContext, sequence: SequenceName): Promise<number> {
    const number = await this.numbers.next(sequence);
    if (!context.keyed) return number;
    const id = derivedId('reserved-number', context.commandId, sequence);
    const event: NumberReserved = { type: 'NumberReserved', data: { sequence, number } };
    const proposed = { id: eventIdOf(id, 0), ...event, metadata: metadataOf(context) };
    try {
      await this.store.append(`number-${id}`, [proposed], 'no_stream');
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
    // Also after a success: an append that was repeated may have kept the number of the first attempt.
    return this.stored(`number-${id}`);
  }

  private async stored(stream: string): Promise<number> {
    const [entry] = (await this.store.readStream(stream, { max: 1 })) ?? [];
    if (entry === undefined || !isReadable(entry)) throw new Error(`${stream} is not readable`);
    return (entry.data as NumberReserved['data']).number;
  }
}
