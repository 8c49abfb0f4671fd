import { randomInt } from 'node:crypto';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';

/** For how long an intent, or a lost race, says that others are at it. */
const RECENT_MS = 1_000;
const WIDTH = { first: 8, most: 100 };

/**
 * In which order a process tries candidates: the order of the queue, as long as it is alone. Processes that race for the
 * same head would lose half of their claims to each other; so for a second after a lost race a process with several polls begins anywhere
 * among the most urgent ones of the same priority, and leaves those to the last that somebody is just about to take.
 */
export class CandidateOrder {
  /** Task → its last intent in the log, oldest first. */
  private readonly intended = new Map<number, { readonly revision: bigint; readonly at: number }>();
  private width = 1;
  private raceAt = Number.NEGATIVE_INFINITY;

  /** `below`: a random whole number less than its argument. Times are monotonic milliseconds. */
  constructor(private readonly below: (limit: number) => number = randomInt) {}

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
    const width = Math.min(isCrowded && this.isRacing(nowMs) ? this.width : 1, open.length);
    const start = width < 2 ? 0 : this.below(width);
    return [
      ...open.slice(start, width),
      ...open.slice(0, start),
      ...open.slice(width),
      ...urgent.filter(isTaken),
      ...rows.slice(urgent.length),
    ];
  }

  private isRacing(nowMs: number): boolean {
    return nowMs - this.raceAt < RECENT_MS;
  }
}
