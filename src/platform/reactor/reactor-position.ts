import type { Clock } from '../clock/clock.js';
import { isReadable, type EventStore } from '../event-store/event-store.js';
import { platformEvent } from '../event-store/platform-event.js';
import { BEFORE_EVERYTHING, isAfter, laterOf, type Position } from '../event-store/position.js';
import type { Ids } from '../ids/ids.js';
import type { ReactorAdvanced } from './reactor.events.js';

const KEPT = 4;

export interface ReactorPositionOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * How far a reactor has come: its only state, kept in the log itself, so that it can never belong to another log. A
 * position that is older than the truth makes a reactor do again what it did; so that must be harmless.
 */
export class ReactorPosition {
  private saved: Position = BEFORE_EVERYTHING;

  constructor(
    private readonly reactor: string,
    private readonly options: ReactorPositionOptions,
  ) {}

  /** Where to go on: strictly after this. A new reactor starts before everything. Errors: those of a read. */
  async load(): Promise<Position> {
    const entries = (await this.options.store.readStreamBackwards(this.stream, { max: KEPT })) ?? [];
    for (const entry of entries) {
      if (!isReadable(entry)) continue;
      const { commit, prepare } = entry.data as ReactorAdvanced['data'];
      // Several processes may write: the later position holds whoever said it.
      this.saved = laterOf(this.saved, { commit: BigInt(`0x${commit}`), prepare: BigInt(`0x${prepare}`) });
    }
    return this.saved;
  }

  /** True when the position was written; false when this process or another one had come as far. Errors: those of the store. */
  async save(position: Position): Promise<boolean> {
    if (!isAfter(position, await this.load())) return false;
    const data = { reactor: this.reactor, commit: hex(position.commit), prepare: hex(position.prepare) };
    const event = platformEvent<ReactorAdvanced>({ type: 'ReactorAdvanced', data }, this.options);
    await this.options.store.append(this.stream, [event], 'any');
    this.saved = position;
    return true;
  }

  /** Lets the log forget older positions. Repeating is safe. */
  async bound(): Promise<void> {
    await this.options.store.setMaxCount(this.stream, KEPT);
  }

  private get stream(): string {
    return `reactor-${this.reactor}`;
  }
}

function hex(half: bigint): string {
  return half.toString(16).padStart(16, '0');
}
