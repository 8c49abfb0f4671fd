import type { CompletionWindow } from '../../projections/tasks/task-outcomes.queries.js';
import { badRequest } from '../platform/http/errors.js';
import { integer, type Query } from '../platform/http/list-query.js';
import { isoInstant } from '../tokens/iso-instant.js';

const DEFAULT_LOOKBACK = 7 * 86_400;
const LONGEST_LOOKBACK = 30 * 86_400;
const SHORTEST_LOOKBACK = 60;

export interface Regression {
  /** Unix seconds. */
  readonly betaStart: number;
  readonly lookbackSeconds: number;
  readonly baseline: CompletionWindow;
  readonly post: CompletionWindow;
}

/**
 * The two windows: everything since `beta_start`, and as long a time before it, at most `lookback_seconds` (cut to 60 s
 * to 30 days). Errors: 400 for a `beta_start` that is missing, malformed or in the future.
 */
export function regressionOf(query: Query, now: Date): Regression {
  const seconds = Math.floor(now.getTime() / 1_000);
  const betaStart = betaStartOf(query);
  if (betaStart > seconds) throw badRequest('beta_start must not be in the future');
  const asked = integer(query, 'lookback_seconds', 0) ?? DEFAULT_LOOKBACK;
  const lookbackSeconds = Math.min(LONGEST_LOOKBACK, Math.max(SHORTEST_LOOKBACK, asked));
  // What was completed in the current second counts.
  const post = { start: betaStart, end: seconds + 1 };
  const length = Math.min(lookbackSeconds, Math.max(SHORTEST_LOOKBACK, post.end - post.start));
  return {
    betaStart,
    lookbackSeconds,
    baseline: { start: Math.max(0, betaStart - length), end: betaStart },
    post,
  };
}

function betaStartOf(query: Query): number {
  const value = query['beta_start'];
  if (value === undefined || value === '') {
    throw badRequest('beta_start query parameter is required (unix seconds or ISO timestamp)');
  }
  if (typeof value === 'string') {
    const seconds = /^\d{1,12}$/.test(value) ? Number(value) : Math.floor(isoInstant(value) / 1_000);
    if (seconds > 0) return seconds;
  }
  throw badRequest('Invalid beta_start. Expected unix seconds or an ISO timestamp with a zone.');
}
