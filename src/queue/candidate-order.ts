import { randomInt } from 'node:crypto';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';

/** For how long an intent, or a lost race, says that others are at it. */
const RECENT_MS = 1_000;
const RACING_MS = 3_000;
const WIDTH = { first: 8, most: 200 };
const RING = 2 ** 32;

/**
 * In which order a process tries candidates: the order of the queue, as long as it is alone. Processes that race for the
 * same head would lose half of their claims to each other; so for some seconds after a lost race a process with several
 * polls goes round the most urgent ones of the same priority from a place of its own, and to another place when it loses
 * again: before long each has a part of the round to itself. What somebody is just about to take comes last.
 */
export class CandidateOrder {
  /** Task → its last intent in the log, oldest first. */
  private readonly intended = new Map<number, { readonly revision: bigint; readonly at: number }>();
  private width = 1;
  private start: number;
  private raceAt = Number.NEGATIVE_INFINITY;

  /** `below`: a random whole number less than its argument. Times are monotonic milliseconds. */
  constructor(private readonly below: (limit: number) => number = randomInt) {
    this.start = below(RING);
  }

  /** Somebody, here or elsewhere, is about to take this task as it is at this revision. */
  noteIntent(taskId: number, revision: bigint, nowMs: number): void {
    this.intended.delete(taskId);
    this.intended.set(taskId, { revision, at: nowMs });
    for (const [oldest, { at }] of this.intended) {
      if (nowMs - at < RECENT_MS) break;
      this.intended.delete(oldest);
    }
  }

  noteLostRace(nowMs: number): void {
    if (this.isRacing(nowMs)) this.start = this.below(RING);
    this.width = this.isRacing(nowMs) ? Math.min(this.width * 2, WIDTH.most) : WIDTH.first;
    this.raceAt = nowMs;
  }

  /** The same rows, rearranged within the most urgent priority only. `isCrowded`: other polls of this process are at it. */
  of(rows: readonly CandidateRow[], nowMs: number, isCrowded: boolean): readonly CandidateRow[] {
    const rank = rows[0]?.place.priorityRank;
    const urgent = rows.filter(({ place }) => place.priorityRank === rank);
    const isTaken = ({ taskId, revision }: CandidateRow) => {
      const intent = this.intended.get(taskId);
      return intent !== undefined && intent.revision >= revision && nowMs - intent.at < RECENT_MS;
    };
    const open = urgent.filter((row) => !isTaken(row));
    const width = isCrowded && this.isRacing(nowMs) ? this.width : 1;
    return [
      ...this.fromOwnPlace(open.slice(0, width)),
      ...open.slice(width),
      ...urgent.filter(isTaken),
      ...rows.slice(urgent.length),
    ];
  }

  private fromOwnPlace(rows: readonly CandidateRow[]): readonly CandidateRow[] {
    const after = ({ taskId }: CandidateRow): number => (placeOnRing(taskId) - this.start + RING) % RING;
    return rows.toSorted((a, b) => after(a) - after(b));
  }

  private isRacing(nowMs: number): boolean {
    return nowMs - this.raceAt < RACING_MS;
  }
}

/** Spreads neighbouring ids evenly: multiplies by the golden ratio of the ring (Knuth, TAOCP 3, 6.4). */
function placeOnRing(taskId: number): number {
  return Math.imul(taskId, 0x9e37_79b1) >>> 0;
}
