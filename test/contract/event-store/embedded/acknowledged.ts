import { START, type EventStoreDBClient, type JSONEventData } from '@eventstore/db-client';
import { anEvent } from '../events.js';
import { errorType, original, positionOf, readAllFrom } from '../reading.js';

/** What one writer knows: what was acknowledged, and what it does not know about. */
interface Claim {
  readonly id: string;
  readonly stream: string;
  readonly revision: bigint;
}

/**
 * Writers that append with an exact expectation, note what was acknowledged, and settle what they do not know by the
 * rule of the whole system: repeat with the same ids and the same expectation.
 */
export class Ledger {
  readonly acknowledged: Claim[] = [];
  private readonly heads = new Map<string, bigint>();
  private readonly unsettled = new Map<string, JSONEventData[]>();

  /** One append to this stream; false when its outcome is unknown. */
  async append(client: EventStoreDBClient, stream: string, count: number, data = { some: 'fact' }): Promise<boolean> {
    const events = this.unsettled.get(stream) ?? Array.from({ length: count }, () => anEvent({ data }));
    const head = this.heads.get(stream);
    try {
      const { nextExpectedRevision } = await bounded(
        client.appendToStream(stream, events, { expectedRevision: head ?? 'no_stream' }),
      );
      const first = (head ?? -1n) + 1n;
      if (nextExpectedRevision !== first + BigInt(events.length - 1)) {
        throw new Error(`${stream}: acknowledged at ${nextExpectedRevision}, the writer stood at ${String(head)}`);
      }
      for (const [index, { id }] of events.entries()) {
        this.acknowledged.push({ id, stream, revision: first + BigInt(index) });
      }
      this.heads.set(stream, nextExpectedRevision);
      this.unsettled.delete(stream);
      return true;
    } catch (error) {
      if (errorType(error) === 'wrong-expected-version') throw error;
      if (error instanceof Error && error.message.includes('the writer stood at')) throw error;
      this.unsettled.set(stream, events);
      return false;
    }
  }

  /** Compares the whole log with what is known. */
  async judge(client: EventStoreDBClient, prefix: string): Promise<Verdict> {
    const log = (await readAllFrom(client, START, prefix)).map((resolved) => original(resolved));
    const places = new Map(log.map((event) => [event.id, `${event.streamId}/${event.revision}`]));
    const next = new Map<string, bigint>();
    let gaps = 0;
    let backwards = 0;
    let last = -1n;
    for (const event of log) {
      if (event.revision !== (next.get(event.streamId) ?? 0n)) gaps++;
      next.set(event.streamId, event.revision + 1n);
      if (positionOf(event).commit <= last) backwards++;
      last = positionOf(event).commit;
    }
    return {
      acknowledged: this.acknowledged.length,
      lost: this.acknowledged.filter((claim) => places.get(claim.id) !== `${claim.stream}/${claim.revision}`).length,
      duplicated: log.length - places.size,
      gaps,
      backwards,
    };
  }
}

export interface Verdict {
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly gaps: number;
  /** Positions that did not grow. */
  readonly backwards: number;
}

export const spotless = { lost: 0, duplicated: 0, gaps: 0, backwards: 0 };

/** The client has no time limit of its own for a batch append. */
async function bounded<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('no answer'));
    }, 3_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
