import type { IncomingHttpHeaders } from 'node:http';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import { parsePosition } from '../platform/event-store/position-text.js';
import { badRequest } from '../platform/http/errors.js';
import type { ResetReason } from './sse-blocks.js';

/** Where a listener asks to begin, as text. */
export type AskedStart =
  { readonly kind: 'now' } | { readonly kind: 'earliest' } | { readonly kind: 'after'; readonly text: string };

/** Where a stream begins: everything after `cursor`. With a reset it says openly that there may be a gap. */
export interface StreamStart {
  readonly cursor: Position;
  readonly reset?: ResetReason;
}

/** What the choice asks about the log. */
export interface LogFacts {
  readonly generation: string;
  /** Everything up to here has been handed out in this process. */
  tip(): Position;
  /** Positions at or above this need no store. */
  floor(): Position;
  /** The store's own head. */
  head(): Promise<Position | undefined>;
  /** False when the store refuses to read from this position. */
  accepts(position: Position): Promise<boolean>;
  pause(ms: number): Promise<void>;
}

/** How long a position beyond the head is waited for: a follower of a cluster may be behind. */
const FUTURE_WAIT_MS = 2_000;
const FUTURE_POLL_MS = 100;

/**
 * `Last-Event-ID`, else `?lastEventId=`, else `?from=`. The header wins, always: a browser that reconnects repeats the
 * old query. An empty one is none. Throws a 400 for a malformed `?from=`, and for a parameter that is given twice.
 */
export function readStart(headers: IncomingHttpHeaders, query: Readonly<Record<string, unknown>>): AskedStart {
  const resumed = [headers['last-event-id'], query['lastEventId']].find((each) => each !== undefined && each !== '');
  if (resumed !== undefined) return startAt(typeof resumed === 'string' ? resumed : 'malformed');
  const from = query['from'];
  if (from === undefined) return { kind: 'now' };
  if (!isStartText(from)) throw badRequest('Invalid position');
  return startAt(from);
}

/** The word `earliest`, or something of a position's shape, of whatever generation. */
export function isStartText(value: unknown): value is string {
  return typeof value === 'string' && (value === 'earliest' || parsePosition(value, '').kind !== 'malformed');
}

/** `history` unless `?onReset=head`. */
export function readOnReset(query: Readonly<Record<string, unknown>>): 'history' | 'head' {
  const asked = query['onReset'];
  if (asked === undefined) return 'history';
  if (asked === 'head') return 'head';
  throw badRequest('Invalid onReset. Expected head.');
}

/** The table of the contract, 7.2. Errors: what `head` and `accepts` throw when the store is away. */
export async function chooseStart(
  asked: AskedStart,
  onReset: 'history' | 'head',
  facts: LogFacts,
): Promise<StreamStart> {
  if (asked.kind === 'now') return { cursor: facts.tip() };
  if (asked.kind === 'earliest') return { cursor: BEFORE_EVERYTHING };
  const reset = (reason: ResetReason): StreamStart => ({
    cursor: onReset === 'head' ? facts.tip() : BEFORE_EVERYTHING,
    reset: reason,
  });
  const parsed = parsePosition(asked.text, facts.generation);
  if (parsed.kind !== 'position') return reset(parsed.kind);
  const { position } = parsed;
  if (isAfter(position, facts.tip())) {
    // Another replica may have been faster: then the stream begins there and waits for this process's tail.
    return (await isInLog(position, facts)) ? { cursor: position } : reset('future');
  }
  if (isAfter(facts.floor(), position) && position.commit >= 0n && !(await facts.accepts(position))) {
    return reset('unknown');
  }
  return { cursor: position };
}

async function isInLog(position: Position, facts: LogFacts): Promise<boolean> {
  for (let waited = 0; ; waited += FUTURE_POLL_MS) {
    const head = await facts.head();
    if (head !== undefined && !isAfter(position, head)) return true;
    if (waited >= FUTURE_WAIT_MS) return false;
    await facts.pause(FUTURE_POLL_MS);
  }
}

function startAt(text: string): AskedStart {
  return text === 'earliest' ? { kind: 'earliest' } : { kind: 'after', text };
}
