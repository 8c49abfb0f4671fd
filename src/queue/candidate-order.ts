import { randomInt } from 'node:crypto';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';

/** For how long an intent, or a lost race, says that others are at it. */
const RECENT_MS = 1_000;
const RACING_MS = 5_000;
/** How long a share is kept at least: what was lost so soon after was begun before. */
const SETTLING_MS = 150;
const MOST_SHARES = 4;

/**
 * In which order a process tries candidates: the order of the queue, as long as it is alone. Processes that race for the
 * same head would lose half of their claims to each other; so for some seconds after a lost race a process with several
 * polls begins with a share of the most urgent ones of the same priority, drawn by lot, and draws another one when it
 * loses again: before long each has a share to itself. What somebody is just about to take comes last.
 */
export class CandidateOrder {
  /** Task → its last intent in the log, oldest first. */
  private readonly intended = new Map<number, { readonly revision: bigint; readonly at: number }>();
  private shares = 1;
  private own = 0;
  private drawnAt = Number.NEGATIVE_INFINITY;
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
    const isFirst = !this.isRacing(nowMs);
    this.raceAt = nowMs;
    if (!isFirst && nowMs - this.drawnAt < SETTLING_MS) return;
    this.shares = isFirst ? 2 : Math.min(this.shares * 2, MOST_SHARES);
    this.own = this.below(this.shares);
    this.drawnAt = nowMs;
  }

  /** The same rows, rearranged within the most urgent priority only. `isCrowded`: other polls of this process are at it. */
  of(rows: readonly CandidateRow[], nowMs: number, isCrowded: boolean): readonly CandidateRow[] {
    const rank = rows[0]?.place.priorityRank;
    const urgent = rows.filter(({ place }) => place.priorityRank === rank);
    const isTaken = ({ taskId, revision }: CandidateRow) => {
      const intent = this.intended.get(taskId);
      return intent !== undefined && intent.revision >= revision && nowMs - intent.at < RECENT_MS;
    };
    const shares = isCrowded && this.isRacing(nowMs) ? this.shares : 1;
    const isOwn = ({ taskId }: CandidateRow) => shares === 1 || shareOf(taskId, shares) === this.own;
    const [own, others, taken]: [CandidateRow[], CandidateRow[], CandidateRow[]] = [[], [], []];
    for (const row of urgent) (isTaken(row) ? taken : isOwn(row) ? own : others).push(row);
    return [...own, ...others, ...taken, ...rows.slice(urgent.length)];
  }

  private isRacing(nowMs: number): boolean {
    return nowMs - this.raceAt < RACING_MS;
  }
}

/** Spreads neighbouring ids evenly (multiplicative hashing: Knuth, TAOCP 3, 6.4). */
function shareOf(taskId: number, shares: number): number {
  return (Math.imul(taskId, 0x9e37_79b1) >>> 16) % shares;
}
