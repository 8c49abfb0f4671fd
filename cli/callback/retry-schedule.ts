const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;

/** Statuses below 500 that may pass: everything else there is final. */
const PASSING = new Set([408, 425, 429]);

/** What one attempt came to. `unknown`: nobody can tell whether it arrived. */
export type Attempt =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'unknown'; readonly reason: string };

export type Next = 'delivered' | 'refused' | 'again';

export function nextAfter(attempt: Attempt): Next {
  if (attempt.kind === 'unknown') return 'again';
  const { status } = attempt;
  if (status >= 200 && status < 300) return 'delivered';
  return status >= 500 || PASSING.has(status) ? 'again' : 'refused';
}

/**
 * How long to wait after the given number of attempts, ms: 1 s · 2ⁿ up to 5 min with full jitter, and never less than the
 * receiver asks for. `random` is in [0, 1).
 */
export function waitMs(attempts: number, attempt: Attempt, random: number): number {
  const bound = Math.min(FIRST_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_MS);
  const asked = attempt.kind === 'answered' ? (attempt.retryAfterMs ?? 0) : 0;
  return Math.max(Math.floor(bound * random), asked);
}

/** `Retry-After` as seconds or as an HTTP date; undefined when it is neither. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
