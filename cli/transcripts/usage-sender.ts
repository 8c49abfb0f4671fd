import type { ImportedUsage } from '../../src/imports/usage-record.js';

const BATCH = 500;
const ATTEMPTS = 8;
const REQUEST_MS = 60_000;
const LONGEST_WAIT_MS = 30_000;

export interface UsageSink {
  readonly url: string;
  readonly key: string;
  /** Resolves after so many ms. */
  readonly rest: (ms: number) => Promise<void>;
  readonly onProgress: (sent: number, total: number) => void;
  readonly onRetry: (reason: string, waitMs: number) => void;
}

export interface SendingResult {
  readonly recorded: number;
  readonly duplicates: number;
  /** Recorded before with other content; what was recorded first stands. */
  readonly conflicts: readonly string[];
  readonly refused: readonly { readonly eventId: string; readonly reason: string }[];
}

interface BatchAnswer {
  readonly recorded: number;
  readonly duplicates: number;
  readonly results: readonly { readonly eventId: string; readonly status: number }[];
  readonly errors?: readonly { readonly index: number; readonly errors: readonly string[] }[];
}

/** The server does not want it at all: repeating changes nothing. */
class Refused extends Error {}

/**
 * Sends records in batches, each until it is answered: every record has an id of its own, so a batch may be sent again.
 * Throws when the server refuses the call as a whole, or stays away.
 */
export async function sendUsage(records: readonly ImportedUsage[], sink: UsageSink): Promise<SendingResult> {
  let recorded = 0;
  let duplicates = 0;
  const conflicts: string[] = [];
  const refused: { eventId: string; reason: string }[] = [];
  for (let start = 0; start < records.length; start += BATCH) {
    const batch = records.slice(start, start + BATCH);
    const answer = await sendUntilAnswered(batch, sink);
    recorded += answer.recorded;
    duplicates += answer.duplicates;
    conflicts.push(...answer.results.filter(({ status }) => status === 409).map(({ eventId }) => eventId));
    for (const { index, errors } of answer.errors ?? []) {
      refused.push({ eventId: batch[index]?.eventId ?? `record ${index}`, reason: errors.join('; ') });
    }
    sink.onProgress(Math.min(start + BATCH, records.length), records.length);
  }
  return { recorded, duplicates, conflicts, refused };
}

async function sendUntilAnswered(batch: readonly ImportedUsage[], sink: UsageSink): Promise<BatchAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(batch, sink);
    if (!('retry' in answer)) return answer;
    if (attempt === ATTEMPTS) throw new Error(`given up after ${ATTEMPTS} attempts: ${answer.retry}`);
    const backoff = Math.min(1_000 * 2 ** (attempt - 1), LONGEST_WAIT_MS) * (0.75 + Math.random() / 2);
    const wait = Math.min(Math.max(answer.afterMs, Math.round(backoff)), 2 * LONGEST_WAIT_MS);
    sink.onRetry(answer.retry, wait);
    await sink.rest(wait);
  }
}

async function send(
  batch: readonly ImportedUsage[],
  { url, key }: UsageSink,
): Promise<BatchAnswer | { readonly retry: string; readonly afterMs: number }> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}/api/tokens?onError=skip`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, prefer: 'respond-async' },
      body: JSON.stringify(batch),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    text = await response.text();
  } catch (error) {
    return { retry: `no answer from ${url} (${reasonOf(error)})`, afterMs: 0 };
  }
  const { status, headers } = response;
  if (status === 200 || status === 409) return answerIn(text, status);
  if (status === 429 || status === 408 || status >= 500) {
    return { retry: `${status} ${errorIn(text)}`, afterMs: Number(headers.get('retry-after') ?? 0) * 1_000 || 0 };
  }
  throw new Refused(`the server refused the call: ${status} ${errorIn(text)}`);
}

function answerIn(text: string, status: number): BatchAnswer {
  const answer = parsed(text);
  if (!Array.isArray(answer['results'])) throw new Refused(`this is no Mission Control: ${status} without results`);
  return answer as unknown as BatchAnswer;
}

function errorIn(text: string): string {
  const { error } = parsed(text);
  return typeof error === 'string' ? error : text.slice(0, 200);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
