const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Seconds after each failed attempt. */
const WAITS = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR] as const;

/** Attempts of one message altogether. */
export const MOST_ATTEMPTS = WAITS.length + 1;
const SPREAD = 0.2;
const LEAST_AFTER_OVERLOAD = MINUTE;
const LONGEST_ASKED_FOR = DAY;

/** Nothing but failures for so long disables an endpoint. */
export const DISABLED_AFTER_SECONDS = 5 * DAY;
/** Nothing but failures for so long is told. */
export const TOLD_AFTER_SECONDS = MINUTE;

export interface FailedAttempt {
  /** Its number, from 1. */
  readonly attempt: number;
  readonly failedAt: Date;
  /** Status of the answer, or `timeout`, or what else kept it from coming. */
  readonly outcome: number | string;
  /** As received. */
  readonly retryAfter: string | undefined;
}

export interface ScheduleSettings {
  /** 0 to 1. */
  readonly random: () => number;
  /** Everything is so much shorter: 1, but for tests. */
  readonly factor: number;
}

/** When the next attempt is due; undefined: that was the last one. Pure. */
export function nextAttemptAt(failed: FailedAttempt, { random, factor }: ScheduleSettings): Date | undefined {
  const wait = WAITS[failed.attempt - 1];
  if (wait === undefined) return undefined;
  const spread = wait * (1 + SPREAD * (2 * random() - 1));
  const least = isOverload(failed.outcome) ? LEAST_AFTER_OVERLOAD : 0;
  const asked = Math.min(retryAfterSeconds(failed.retryAfter, failed.failedAt) ?? 0, LONGEST_ASKED_FOR);
  return new Date(failed.failedAt.getTime() + Math.round(Math.max(spread, least, asked) * factor * 1_000));
}

function isOverload(outcome: number | string): boolean {
  return outcome === 429 || outcome === 502 || outcome === 504 || outcome === 'timeout';
}

/** A `Retry-After`, in seconds from `now`: a number or a date. Undefined for anything else. */
export function retryAfterSeconds(text: string | undefined, now: Date): number | undefined {
  const trimmed = text?.trim() ?? '';
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed);
  if (!/[A-Za-z]{3}/.test(trimmed)) return undefined;
  const at = Date.parse(trimmed);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now.getTime()) / 1_000);
}
