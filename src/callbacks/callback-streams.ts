import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import { RevisionConflict } from '../platform/event-store/event-store.errors.js';
import type { Position } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { derivedId, eventIdOf } from '../platform/ids/ids.js';
import type { CallbackAccepted, CallbackApplied, CallbackEvent, CallbackOverruled } from './callbacks.events.js';

export type CallbackResult = CallbackApplied | CallbackOverruled;

export interface ConcludedCallback {
  readonly result: CallbackResult['data'];
  readonly position: Position;
}

/** One acceptance with what came of it, as stored. */
export interface StoredCallback {
  readonly accepted: StoredEvent<CallbackAccepted>;
  readonly result: StoredEvent<CallbackResult> | undefined;
}

/** The streams in which callbacks count once. */
@Injectable()
export class CallbackStreams {
  constructor(private readonly store: EventStore) {}

  /** The newest acceptance under this identity. */
  newest(agentId: number, deliveryKey: string): Promise<StoredCallback | undefined> {
    return this.newestIn(streamOf(agentId, deliveryKey));
  }

  async newestIn(stream: string): Promise<StoredCallback | undefined> {
    const entries = (await this.store.readStream(stream)) ?? [];
    const events = entries.filter(isReadable) as readonly StoredEvent<CallbackEvent>[];
    const accepted = events.findLast(isAcceptance);
    if (accepted === undefined) return undefined;
    return {
      accepted,
      result: events.find((event) => isResult(event) && event.revision > accepted.revision) as StoredCallback['result'],
    };
  }

  /**
   * Stores the acceptance after `before`, or finds the one that was faster. The ids come from the body, too: the store
   * takes known ids for success whatever they stand for, and two bodies under one identity must not both be accepted.
   */
  async accept(
    context: CommandContext,
    data: CallbackAccepted['data'],
    before: bigint | 'no_stream',
  ): Promise<StoredCallback> {
    const { agentId, deliveryKey, bodyDigest } = data;
    const stream = streamOf(agentId, deliveryKey);
    const commandId = derivedId('callback', agentId, deliveryKey, bodyDigest, before);
    const event = {
      type: 'CallbackAccepted' as const,
      data,
      id: eventIdOf(commandId, 0),
      metadata: metadataOf(context),
    };
    await this.store.append(stream, [event], before).catch((error: unknown) => {
      if (!(error instanceof RevisionConflict)) throw error;
    });
    const stored = await this.newest(agentId, deliveryKey);
    if (stored === undefined) throw new Error(`${stream} is empty after an append`);
    return stored;
  }

  /** Notes what came of it, once; gives what is stored. */
  async conclude(
    context: CommandContext,
    accepted: StoredEvent<CallbackAccepted>,
    result: CallbackResult,
  ): Promise<ConcludedCallback> {
    const { agentId, deliveryKey } = accepted.data;
    const commandId = derivedId('callback-result', accepted.id);
    const event = {
      ...result,
      id: eventIdOf(commandId, 0),
      metadata: { ...metadataOf({ ...context, commandId }), causationId: accepted.id },
    };
    try {
      const { position } = await this.store.append(streamOf(agentId, deliveryKey), [event], accepted.revision);
      return { result: result.data, position };
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      const stored = await this.newest(agentId, deliveryKey);
      if (stored?.result === undefined) throw error;
      return { result: stored.result.data, position: stored.result.position };
    }
  }
}

/** SHA-256 of the body as received, hex. */
export function bodyDigestOf(body: Buffer): string {
  return hash('sha256', body);
}

function streamOf(agentId: number, deliveryKey: string): string {
  return `callback-${agentId}_${deliveryKey}`;
}

function isAcceptance(event: StoredEvent<CallbackEvent>): event is StoredEvent<CallbackAccepted> {
  return event.type === 'CallbackAccepted';
}

function isResult(event: StoredEvent<CallbackEvent>): event is StoredEvent<CallbackResult> {
  return event.type !== 'CallbackAccepted';
}
