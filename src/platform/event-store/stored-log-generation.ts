import type { Clock } from '../clock/clock.js';
import type { Ids } from '../ids/ids.js';
import { backoffMs, pause } from './backoff.js';
import { RevisionConflict, StoreUnavailable } from './event-store.errors.js';
import { isReadable, type EventStore } from './event-store.js';
import type { LogGenerationStarted } from './log-generation.events.js';
import { LogGeneration } from './log-generation.js';
import { platformEvent } from './platform-event.js';
import type { StoreLogger } from './store-logger.js';

export const LOG_GENERATION_STREAM = 'log-generation';

export interface StoredLogGenerationOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: StoreLogger;
}

/**
 * The generation as the log itself says it: the last event of its stream. A log without one gets one; when several
 * processes start on a new log at once the store lets one of them win, and all of them read the winner's.
 */
export class StoredLogGeneration extends LogGeneration {
  readonly #options: StoredLogGenerationOptions;
  readonly #stopping = new AbortController();
  #known: string | undefined;
  #search: Promise<void> | undefined;

  constructor(options: StoredLogGenerationOptions) {
    super();
    this.#options = options;
  }

  override get current(): string {
    if (this.#known === undefined) throw new StoreUnavailable('the log has not been read yet');
    return this.#known;
  }

  override get isKnown(): boolean {
    return this.#known !== undefined;
  }

  /** Looks for the generation until it is found or `stop` is called; resolves then. Never rejects. */
  async start(): Promise<void> {
    this.#search ??= this.#searchUntilKnown();
    await this.#search;
  }

  /**
   * Begins a new generation whatever there is: the last step of restoring a backup. Processes that run keep the old one.
   *
   * Errors: those of an append.
   */
  async startNew(): Promise<void> {
    this.#known = await this.#append('any');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#search;
  }

  async #searchUntilKnown(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        this.#known = (await this.#stored()) ?? (await this.#begin());
        if (this.#known !== undefined) return;
      } catch (error) {
        this.#options.log.warn({ reason: String(error), attempt }, 'the log cannot be read yet, will try again');
      }
      await pause(backoffMs(attempt, 100, 2_000), signal);
    }
  }

  async #stored(): Promise<string | undefined> {
    const [last] = (await this.#options.store.readStreamBackwards(LOG_GENERATION_STREAM, { max: 1 })) ?? [];
    if (last === undefined) return undefined;
    if (!isReadable(last)) throw new Error(`${LOG_GENERATION_STREAM} is not readable: ${last.reason}`);
    return (last.data as LogGenerationStarted['data']).generation;
  }

  /** Undefined: somebody else was first. */
  async #begin(): Promise<string | undefined> {
    try {
      return await this.#append('no_stream');
    } catch (error) {
      if (error instanceof RevisionConflict) return undefined;
      throw error;
    }
  }

  async #append(expected: 'any' | 'no_stream'): Promise<string> {
    const generation = this.#options.ids.newId().slice(0, 8);
    const event = platformEvent<LogGenerationStarted>(
      { type: 'LogGenerationStarted', data: { generation } },
      this.#options,
    );
    await this.#options.store.append(LOG_GENERATION_STREAM, [event], expected);
    return generation;
  }
}
