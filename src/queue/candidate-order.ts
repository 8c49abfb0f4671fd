import { randomInt } from 'node:crypto';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';

/** For how long an intent says that others are at it. */
const RECENT_MS = 1_000;
const RACING_MS = 5_000;
/** How long a share is kept at least: what was lost so soon after was begun before. */
const SETTLING_MS = 500;
/** Times that a share is halved because others, on other machines, have the same one. */
const MOST_HALVINGS = 2;

/** A task that somebody was about to take as it was at this revision. */
export type Intended = Pick<CandidateRow, 'taskId' | 'revision'>;

/** Which of the processes of one machine this is, from 0; they need not draw lots to have different shares. */
export interface WorkerPlace {
  readonly index: number;
  readonly of: number;
}

/**
 * In which order a process tries candidates: the order of the queue, as long as it is alone. Processes that race for the
 * same head would lose half of their claims to each other; so while another one is at it a process with several polls
 * begins with a share of the most urgent ones of the same priority. The processes of one machine have shares of
 * their own; those of several draw lots within these, and again when they lose what is in their share: before long each
 * has one to itself. What somebody is just about to take comes last.
 */
export class CandidateOrder {
  /** Task → its last intent in the log, oldest first. */
  private readonly intended = new Map<number, { readonly revision: bigint; readonly at: number }>();
  private shares: number;
  private own: number;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private raceAt = Number.NEGATIVE_INFINITY;

  /** `below`: a random whole number less than its argument. Times are monotonic milliseconds. */
  constructor(
    private readonly place: WorkerPlace = { index: 0, of: 1 },
    private readonly below: (limit: number) => number = randomInt,
  ) {
    this.shares = place.of;
    this.own = place.index;
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

  /** What somebody was about to take within the last second. */
  recentlyIntended(nowMs: number): readonly Intended[] {
    return [...this.intended].flatMap(([taskId, { revision, at }]) =>
      nowMs - at < RECENT_MS ? [{ taskId, revision }] : [],
    );
  }

  /** Another process takes tasks too. */
  noteRival(nowMs: number): void {
    if (!this.isRacing(nowMs)) this.draw(this.place.of === 1 ? 2 : this.place.of, nowMs);
    this.raceAt = nowMs;
  }

  /** Another process was faster with this task. */
  noteLostRace(taskId: number, nowMs: number): void {
    this.noteRival(nowMs);
    if (nowMs - this.drawnAt < SETTLING_MS || !this.isOwn(taskId)) return;
    this.draw(Math.min(this.shares * 2, this.place.of * 2 ** MOST_HALVINGS), nowMs);
  }

  private draw(shares: number, nowMs: number): void {
    const { index, of } = this.place;
    this.shares = shares;
    this.own = index + of * this.below(shares / of);
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
    const isShared = isCrowded && this.isRacing(nowMs);
    const [own, others, taken]: [CandidateRow[], CandidateRow[], CandidateRow[]] = [[], [], []];
    for (const row of urgent) (isTaken(row) ? taken : !isShared || this.isOwn(row.taskId) ? own : others).push(row);
    // Whoever has another share begins at its other end.
    return [...own, ...others.toReversed(), ...taken, ...rows.slice(urgent.length)];
  }

  private isOwn(taskId: number): boolean {
    return shareOf(taskId, this.shares) === this.own;
  }

  private isRacing(nowMs: number): boolean {
    return nowMs - this.raceAt < RACING_MS;
  }
}

/** Spreads neighbouring ids evenly (multiplicative hashing: Knuth, TAOCP 3, 6.4). */
function shareOf(taskId: number, shares: number): number {
  return (Math.imul(taskId, 0x9e37_79b1) >>> 16) % shares;
}
