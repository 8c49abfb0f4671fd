import { isReadable } from '../../platform/event-store/event-store.js';
import { platformEvent } from '../../platform/event-store/platform-event.js';
import { BEFORE_EVERYTHING, comparePositions, isAfter, type Position } from '../../platform/event-store/position.js';
import type { DispatchMarked } from '../deliveries.events.js';
import { placeOf, positionOf } from '../log-place.js';
import type { DispatchTools } from './dispatch-tools.js';
import type { OpenDeliveries } from './open-deliveries.js';

const KEPT = 4;
const MOST_LISTED = 1_000;

export interface SavedMark {
  readonly upTo: Position;
  readonly open: readonly SavedOpen[];
  /** The outcomes after this revision of the stream of deliveries are not in here. */
  readonly outcomes: bigint;
}

export interface SavedOpen {
  readonly stream: string;
  readonly revision: bigint;
  readonly attempts: number;
  /** ms since 1970; 0: now. */
  readonly dueAt: number;
}

export function markStream(webhookId: number, run: string): string {
  return run === 'live' ? `dispatch-${webhookId}` : `dispatch-${webhookId}_${run}`;
}

/** How far a run has come, kept in the log: an older one costs a look at more deliveries, never a message. */
export class DispatchMark {
  private saved: Position = BEFORE_EVERYTHING;
  private isBounded = false;

  constructor(
    private readonly webhookId: number,
    private readonly run: string,
    private readonly tools: Pick<DispatchTools, 'store' | 'clock' | 'ids'>,
  ) {}

  /** Undefined: none was saved yet. Errors: those of a read. */
  async load(): Promise<SavedMark | undefined> {
    const entries = (await this.tools.store.readStreamBackwards(this.stream, { max: KEPT })) ?? [];
    const marks = entries.filter(isReadable).map(({ data }) => data as DispatchMarked['data']);
    const [latest] = marks.map(readMark).toSorted((a, b) => comparePositions(b.upTo, a.upTo));
    return latest;
  }

  /** Everything up to `cursor` is finished but for `open`, by the outcomes up to a revision. Errors: those of the store. */
  async save(cursor: Position, open: OpenDeliveries, revision: bigint): Promise<void> {
    const listed = open.oldest(MOST_LISTED + 1);
    const beyond = listed[MOST_LISTED];
    // What does not fit into the list is looked at again: the mark stands at the last listed one.
    const shown = beyond === undefined ? listed : listed.slice(0, MOST_LISTED);
    const last = shown.at(-1);
    const upTo = beyond === undefined || last === undefined ? cursor : last.position;
    if (comparePositions(upTo, BEFORE_EVERYTHING) === 0 || isAfter(this.saved, upTo)) return;
    const data = {
      webhookId: this.webhookId,
      run: this.run,
      upTo: placeOf(upTo),
      open: shown.map((item) => `${item.stream}@${item.revision}`),
      tried: shown.flatMap(({ attempts, dueAt }, at) => (attempts === 0 ? [] : [{ at, attempts, dueAt }])),
      outcomes: Number(beyond === undefined ? revision : beyond.takenAt),
    };
    const event = platformEvent<DispatchMarked>({ type: 'DispatchMarked', data }, this.tools);
    await this.tools.store.append(this.stream, [event], 'any');
    this.saved = upTo;
    if (this.isBounded) return;
    await this.tools.store.setMaxCount(this.stream, KEPT);
    this.isBounded = true;
  }

  private get stream(): string {
    return markStream(this.webhookId, this.run);
  }
}

function readMark({ upTo, open, tried, outcomes }: DispatchMarked['data']): SavedMark {
  const attempts = new Map(tried.map((each) => [each.at, each]));
  return {
    upTo: positionOf(upTo),
    open: open.map((text, index) => {
      const at = text.lastIndexOf('@');
      const known = attempts.get(index);
      return {
        stream: text.slice(0, at),
        revision: BigInt(text.slice(at + 1)),
        attempts: known?.attempts ?? 0,
        dueAt: known?.dueAt ?? 0,
      };
    }),
    outcomes: BigInt(outcomes),
  };
}
