import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Principal } from '../platform/auth/principal.js';
import type { Clock } from '../platform/clock/clock.js';
import { PositionRefused } from '../platform/event-store/event-store.errors.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import type { LogGeneration } from '../platform/event-store/log-generation.js';
import type { Position } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import { Refusal, unavailable } from '../platform/http/errors.js';
import type { LogTail } from '../platform/log-tail/log-tail.js';
import { LiveClient } from './live-client.js';
import type { LiveHub } from './live-hub.js';
import { connectedBlock, reconnectLaterMs, reconnectSoonMs, retryBlock } from './sse-blocks.js';
import { filterFor, readFilter, type StreamFilter } from './stream-filter.js';
import { type AskedStart, chooseStart, readOnReset, readStart, type StreamStart } from './stream-start.js';
import type { StreamSlots } from './stream-slots.js';

/** Headers that the edge has prepared for the answer. */
export type AnswerHeaders = Readonly<Record<string, string | number | string[] | undefined>>;

export interface StreamRequest {
  readonly principal: Principal;
  readonly headers: IncomingHttpHeaders;
  readonly query: Readonly<Record<string, unknown>>;
}

/** A stream that may begin, or a native `EventSource` that is told to come back much later. */
export type PreparedStream =
  | { readonly kind: 'later' }
  | {
      readonly kind: 'stream';
      readonly principal: Principal;
      readonly filter: StreamFilter;
      readonly start: StreamStart;
      readonly onReset: 'history' | 'head';
      readonly release: () => void;
    };

export interface LiveStreamsPorts {
  readonly hub: LiveHub;
  readonly tail: LogTail;
  readonly store: EventStore;
  readonly generation: LogGeneration;
  readonly slots: StreamSlots;
  readonly clock: Clock;
}

/** How long a stream may wait for a process whose tail has not begun. */
const START_WAIT_MS = 2_000;
const MAX_AGE_MS = 6 * 3_600_000;
const LATER_AFTER_SECONDS = 5;

/** From a request to a listener: everything that may be refused first, and then the first blocks. */
export class LiveStreams {
  constructor(private readonly ports: LiveStreamsPorts) {}

  /**
   * Checks the request and chooses where its stream begins. Errors: 400 for a malformed filter or `?from=`; 429 and 503
   * for callers who understand a status. A browser would never come back after one: for those it is `later`.
   */
  async prepare(request: StreamRequest): Promise<PreparedStream> {
    const { principal } = request;
    const query = { ...principal.ticketQuery, ...request.query };
    const filter = filterFor(readFilter(query), principal);
    const asked = readStart(request.headers, query);
    const onReset = readOnReset(query);
    if (this.ports.hub.isDraining) return this.later(principal, unavailable('The server is stopping'));
    const release = this.ports.slots.take(principal.credentialId);
    if (release === undefined) return this.later(principal, tooMany());
    try {
      const start = await this.#choose(asked, onReset);
      return { kind: 'stream', principal, filter, start, onReset, release };
    } catch (error) {
      release();
      if (error instanceof Refusal && error.status < 500) throw error;
      return this.later(principal, error);
    }
  }

  /**
   * Writes headers and first blocks and hands the connection over. From here on nobody else answers for the response:
   * whatever fails, it ends.
   */
  begin(
    prepared: Extract<PreparedStream, { kind: 'stream' }>,
    response: ServerResponse,
    headers: AnswerHeaders,
    httpMajor: number,
  ): void {
    const { principal, filter, start, onReset, release } = prepared;
    let isHandedOver = false;
    try {
      const now = performance.now();
      response.socket?.setNoDelay(true);
      response.socket?.setTimeout(0);
      response.writeHead(200, streamHeaders(headers, httpMajor));
      response.write(this.#firstBlocks(start, filter.named));
      const client = new LiveClient(
        response,
        { principal, filter, cursor: start.cursor, onReset, endsAt: now + MAX_AGE_MS * (0.8 + Math.random() * 0.4) },
        now,
      );
      this.ports.hub.join(client, release);
      isHandedOver = true;
    } finally {
      if (!isHandedOver) {
        release();
        response.destroy();
      }
    }
  }

  /** 200, a long `retry:`, the end: what a native EventSource can be told instead of a status. */
  sendLater(response: ServerResponse, headers: AnswerHeaders, httpMajor: number): void {
    response.writeHead(200, streamHeaders(headers, httpMajor));
    response.end(retryBlock(reconnectLaterMs(Math.random)));
  }

  private later(principal: Principal, refusal: unknown): PreparedStream {
    if (principal.via === 'header') throw refusal;
    return { kind: 'later' };
  }

  async #choose(asked: AskedStart, onReset: 'history' | 'head'): Promise<StreamStart> {
    const { tail, hub, store, generation } = this.ports;
    if (tail.beginning === undefined)
      await Promise.race([tail.started, pause(START_WAIT_MS, undefined, { ref: false })]);
    if (tail.beginning === undefined) throw unavailable('The event store is not available');
    return chooseStart(asked, onReset, {
      generation: generation.current,
      tip: () => tail.position,
      floor: () => hub.floor,
      head: () => store.head(),
      accepts: (position) => accepts(store, position),
      pause,
    });
  }

  #firstBlocks(start: StreamStart, named: boolean): string {
    const connected = connectedBlock({
      id: positionText(start.cursor, this.ports.generation.current),
      retryMs: reconnectSoonMs(Math.random),
      timestamp: this.ports.clock.now().getTime(),
      named,
    });
    if (start.reset === undefined) return connected;
    return connected + this.ports.hub.resetBlockFor(start.reset, start.cursor, named);
  }
}

/** `Connection` is illegal in HTTP/2 answers. What the edge has set (CORS, security headers) is passed on. */
function streamHeaders(headers: AnswerHeaders, httpMajor: number): AnswerHeaders {
  const { 'content-length': _, ...rest } = headers;
  return {
    ...rest,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...(httpMajor === 1 ? { connection: 'keep-alive' } : {}),
  };
}

async function accepts(store: EventStore, position: Position): Promise<boolean> {
  try {
    for await (const _ of store.readAll({ after: position, max: 1 })) return true;
    return true;
  } catch (error) {
    if (error instanceof PositionRefused) return false;
    throw error;
  }
}

function tooMany(): Refusal {
  return new Refusal(429, 'Too many event streams.', {}, { 'retry-after': String(LATER_AFTER_SECONDS) });
}
