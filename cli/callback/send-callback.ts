import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { nextAfter, retryAfterMs, waitMs, type Attempt } from './retry-schedule.js';
import { signedHeaders } from './sign.js';
import { Spool, type Spooled } from './spool.js';

/** What a callback says; see the API reference for the fields of each type. */
export interface CallbackContent {
  readonly type: 'task.progress' | 'task.completed' | 'task.failed';
  readonly data: Readonly<Record<string, unknown>>;
}

/** Time, chance and network, so that a test need not wait. */
export interface Surroundings {
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly fetch: typeof fetch;
}

export interface SendOptions {
  /** `http(s)://…/api/callbacks/<agent>`. */
  readonly url: string;
  /** `whsec_…`, of this agent. */
  readonly secret: string;
  /** Where it is kept until it is acknowledged. Without one it is lost with the process. */
  readonly spoolDirectory?: string;
  /** Default 24 h, from when the callback was made. */
  readonly giveUpAfterMs?: number;
  /** Of one attempt. Default 15 s. */
  readonly timeoutMs?: number;
  /** Ends the waiting; what is in the spool stays there. */
  readonly signal?: AbortSignal;
  readonly onAttempt?: (attempt: Attempt, attempts: number, waitMs: number) => void;
  readonly surroundings?: Partial<Surroundings>;
}

export type SendOutcome =
  | { readonly kind: 'delivered'; readonly id: string; readonly attempts: number; readonly answer: unknown }
  /** The receiver will never take it. */
  | {
      readonly kind: 'refused';
      readonly id: string;
      readonly attempts: number;
      readonly status: number;
      readonly answer: unknown;
    }
  /** Not acknowledged in time, or told to stop. It may have arrived; it is still in the spool, if there is one. */
  | { readonly kind: 'gave_up'; readonly id: string; readonly attempts: number; readonly last: Attempt | undefined };

const DAY_MS = 24 * 3_600_000;

/** A new id of a callback: 128 random bits. */
export function newCallbackId(): string {
  return `cb_${randomBytes(16).toString('hex')}`;
}

/**
 * Signs, keeps, sends and repeats until the receiver has acknowledged: the same id and bytes on each attempt, a new time
 * and signature. Counts once at the receiver, however often it is sent.
 */
export async function sendCallback(
  content: CallbackContent,
  options: SendOptions & { readonly id?: string },
): Promise<SendOutcome> {
  const nowMs = (options.surroundings?.nowMs ?? Date.now)();
  const body = Buffer.from(JSON.stringify({ ...content, timestamp: new Date(nowMs).toISOString() }));
  const callback: Spooled = { id: options.id ?? newCallbackId(), url: options.url, body, createdAtMs: nowMs };
  const spool = options.spoolDirectory === undefined ? undefined : await Spool.open(options.spoolDirectory);
  await spool?.keep(callback);
  return deliver(callback, options, spool);
}

/** Sends what an earlier process left in the spool, oldest first. Stops at the first that is given up. */
export async function sendWaiting(
  options: Omit<SendOptions, 'url' | 'spoolDirectory'> & { readonly spoolDirectory: string },
  onUnreadable?: (name: string) => void,
): Promise<readonly SendOutcome[]> {
  const spool = await Spool.open(options.spoolDirectory);
  const outcomes: SendOutcome[] = [];
  for (const callback of await spool.waiting(onUnreadable)) {
    const outcome = await deliver(callback, { ...options, url: callback.url }, spool);
    outcomes.push(outcome);
    if (outcome.kind === 'gave_up') break;
  }
  return outcomes;
}

async function deliver(callback: Spooled, options: SendOptions, spool: Spool | undefined): Promise<SendOutcome> {
  const surroundings = { ...defaults, ...options.surroundings };
  const { id } = callback;
  const giveUpAt = callback.createdAtMs + (options.giveUpAfterMs ?? DAY_MS);
  let last: Attempt | undefined;
  let attempts = 0;
  while (options.signal?.aborted !== true) {
    attempts += 1;
    const { attempt, answer } = await once(callback, options, surroundings);
    last = attempt;
    const next = nextAfter(attempt);
    if (next === 'delivered') {
      await spool?.delivered(id);
      return { kind: 'delivered', id, attempts, answer };
    }
    if (next === 'refused' && attempt.kind === 'answered') {
      await spool?.refused(id);
      return { kind: 'refused', id, attempts, status: attempt.status, answer };
    }
    const wait = waitMs(attempts, attempt, surroundings.random());
    options.onAttempt?.(attempt, attempts, wait);
    if (surroundings.nowMs() + wait > giveUpAt) return { kind: 'gave_up', id, attempts, last };
    await surroundings.pause(wait, options.signal);
  }
  return { kind: 'gave_up', id, attempts, last };
}

async function once(
  callback: Spooled,
  { secret, timeoutMs = 15_000, signal }: SendOptions,
  { fetch: send, nowMs }: Surroundings,
): Promise<{ readonly attempt: Attempt; readonly answer?: unknown }> {
  const headers = { 'content-type': 'application/json', ...signedHeaders(callback, secret, nowMs()) };
  const ends = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
  try {
    const response = await send(callback.url, {
      method: 'POST',
      headers,
      body: new Uint8Array(callback.body),
      redirect: 'manual',
      signal: AbortSignal.any(ends),
    });
    const answer = jsonOf(await response.text());
    const asked = retryAfterMs(response.headers.get('retry-after'), nowMs());
    return { attempt: { kind: 'answered', status: response.status, retryAfterMs: asked }, answer };
  } catch (error) {
    return { attempt: { kind: 'unknown', reason: reasonOf(error) } };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

const defaults: Surroundings = {
  nowMs: Date.now,
  random: Math.random,
  pause: (ms, signal) => pause(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
  fetch,
};
