import { Readable } from 'node:stream';
import type { EventStore, LogEntry } from '../platform/event-store/event-store.js';
import { firstRevision } from '../platform/event-store/first-revision.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import { type LogPage, logPages } from '../platform/log-tail/log-pages.js';
import type { AuditQuery } from './audit-query.js';

/** Streams of the platform's own bookkeeping: they hold no domain fact. */
const BOOKKEEPING = ['command-', 'sequence-', 'reactor-', 'dispatch-', 'log-generation'] as const;
/** Evidence with retention: shown only to who asks for the stream. */
const RAW = ['heartbeat-', 'keyuse-'] as const;
const LEFT_OUT = [...RAW, ...BOOKKEEPING];
const PAGE = 500;

/**
 * The part of the log that a query must look at, as pages in the asked order; `upTo` is the last position looked at.
 * Ends at `head` forwards, at the beginning of the log backwards.
 *
 * Errors: `StoreUnavailable`, and `PositionRefused` for a `from` that the store does not take.
 */
export function auditPages(store: EventStore, query: AuditQuery, head: Position): AsyncIterable<LogPage> {
  const { stream } = query;
  if (stream !== undefined) {
    if (stream.startsWith('$') || startsWithAny(stream, BOOKKEEPING)) return Readable.from([]);
    return query.order === 'asc'
      ? streamForwards(store, stream, query.from)
      : streamBackwards(store, stream, query.from);
  }
  if (query.order === 'desc') return logBackwards(store, query.from);
  return logPages(store, {
    after: query.from ?? BEFORE_EVERYTHING,
    until: () => head,
    withoutStreamPrefixes: LEFT_OUT,
    name: 'audit',
  });
}

async function* logBackwards(store: EventStore, from: Position | undefined): AsyncGenerator<LogPage, void, void> {
  let entries: LogEntry[] = [];
  let looked = 0;
  let last: Position | undefined;
  for await (const entry of store.readAllBackwards({ before: from ?? 'end' })) {
    last = entry.position;
    looked += 1;
    if (!startsWithAny(entry.stream, LEFT_OUT)) entries.push(entry);
    if (looked < PAGE) continue;
    yield { entries, upTo: last };
    entries = [];
    looked = 0;
    last = undefined;
  }
  if (last !== undefined) yield { entries, upTo: last };
}

async function* streamForwards(
  store: EventStore,
  stream: string,
  after: Position | undefined,
): AsyncGenerator<LogPage, void, void> {
  let revision = await revisionAfter(store, stream, after ?? BEFORE_EVERYTHING);
  while (revision !== undefined) {
    const entries = await store.readStream(stream, { from: revision, max: PAGE });
    const last = entries?.at(-1);
    if (entries === undefined || last === undefined) return;
    yield { entries, upTo: last.position };
    revision = last.revision + 1n;
  }
}

async function* streamBackwards(
  store: EventStore,
  stream: string,
  before: Position | undefined,
): AsyncGenerator<LogPage, void, void> {
  let revision: bigint | undefined;
  if (before !== undefined) {
    const after = await revisionAtOrAfter(store, stream, before);
    if (after === 'none') return;
    if (after !== 'beyond') {
      if (after === 0n) return;
      revision = after - 1n;
    }
  }
  for (;;) {
    const entries = await store.readStreamBackwards(stream, {
      max: PAGE,
      ...(revision === undefined ? {} : { from: revision }),
    });
    const last = entries?.at(-1);
    if (entries === undefined || last === undefined) return;
    yield { entries, upTo: last.position };
    if (last.revision === 0n) return;
    revision = last.revision - 1n;
  }
}

/** The first revision strictly after a position; undefined when there is none. */
async function revisionAfter(store: EventStore, stream: string, position: Position): Promise<bigint | undefined> {
  if (position.commit < 0n) return 0n;
  const found = await firstRevision(store, stream, (entry) => isAfter(entry.position, position));
  return typeof found === 'bigint' ? found : undefined;
}

function revisionAtOrAfter(store: EventStore, stream: string, position: Position) {
  return firstRevision(store, stream, (entry) => !isAfter(position, entry.position));
}

function startsWithAny(stream: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => stream.startsWith(prefix));
}
