/**
 * A place in the whole log: a pair of unsigned 64-bit numbers, commit first. Positions grow strictly and have gaps;
 * nobody computes "the next one". Zero is a legal first position.
 */
export interface Position {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** "Nothing yet": sorts before every event. A checkpoint that starts here has folded nothing. */
export const BEFORE_EVERYTHING: Position = { commit: -1n, prepare: -1n };

/** Negative, zero or positive, as `a` lies before, at or after `b`. Commit decides, then prepare. */
export function comparePositions(a: Position, b: Position): number {
  if (a.commit !== b.commit) return a.commit < b.commit ? -1 : 1;
  if (a.prepare !== b.prepare) return a.prepare < b.prepare ? -1 : 1;
  return 0;
}

/** True when `a` lies strictly after `b`. */
export function isAfter(a: Position, b: Position): boolean {
  return comparePositions(a, b) > 0;
}

/** The later one of two positions. */
export function laterOf(a: Position, b: Position): Position {
  return isAfter(b, a) ? b : a;
}

/** The later one of those that there are. */
export function laterOfKnown(a: Position | undefined, b: Position | undefined): Position | undefined {
  return a === undefined || b === undefined ? (a ?? b) : laterOf(a, b);
}
