import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { eventually } from './eventually.js';

/** An event as an `EventSource` would fire it, and the cursor that the client has from then on. */
export interface SseEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/**
 * The parser of WHATWG HTML, "Server-sent events" (9.2.6), over bytes split anywhere. Strict where a browser is lenient:
 * fields that the standard does not know are counted as violations.
 */
export class SseParser {
  /** What a reconnect sends as `Last-Event-ID`: moved at a blank line, never before. */
  lastEventId = '';
  retryMs: number | undefined;
  /** Blank lines that ended a block with at least one field or comment. */
  blocks = 0;
  readonly comments: string[] = [];
  readonly violations: string[] = [];
  /** Every value that {@link lastEventId} took. */
  readonly cursors: string[] = [];
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';
  #afterCarriageReturn = false;
  #id = '';
  #type = '';
  #data: string[] = [];
  #isEmpty = true;

  constructor(private readonly fire: (event: SseEvent) => void) {}

  push(bytes: Uint8Array): void {
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    if (this.#afterCarriageReturn && text.length > 0) {
      if (text.startsWith('\n')) text = text.slice(1);
      this.#afterCarriageReturn = false;
    }
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const character = text[i];
      if (character !== '\n' && character !== '\r') continue;
      this.#line(text.slice(start, i));
      if (character === '\r') {
        if (i + 1 === text.length) this.#afterCarriageReturn = true;
        else if (text[i + 1] === '\n') i += 1;
      }
      start = i + 1;
    }
    this.#rest = text.slice(start);
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    this.#isEmpty = false;
    if (line.startsWith(':')) {
      this.comments.push(line.slice(1).replace(/^ /, ''));
      return;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id') {
      if (!value.includes('\0')) this.#id = value;
    } else if (field === 'retry') {
      if (/^\d+$/.test(value)) this.retryMs = Number(value);
    } else this.violations.push(line);
  }

  #dispatch(): void {
    if (!this.#isEmpty) this.blocks += 1;
    this.#isEmpty = true;
    if (this.#id !== this.lastEventId) this.cursors.push(this.#id);
    this.lastEventId = this.#id;
    const data = this.#data;
    const type = this.#type === '' ? 'message' : this.#type;
    this.#data = [];
    this.#type = '';
    if (data.length > 0) this.fire({ type, data: data.join('\n'), lastEventId: this.lastEventId });
  }
}

export interface SseOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastEventId?: string;
  /** The connection is cut when so many bytes of the body have come; what came with them is lost. */
  readonly cutAfterBytes?: number;
  /** Do not read the body until {@link SseStream.resume}. */
  readonly paused?: boolean;
}

/** An open (or refused) event stream. */
export class SseStream {
  readonly events: SseEvent[] = [];
  readonly parser = new SseParser((event) => this.events.push(event));
  bytes = 0;
  isClosed = false;
  /** True when the server ended the body properly. */
  endedCleanly = false;

  constructor(
    private readonly response: IncomingMessage,
    cutAfterBytes: number | undefined,
  ) {
    response.on('data', (chunk: Buffer) => {
      const left = cutAfterBytes === undefined ? chunk.length : Math.max(0, cutAfterBytes - this.bytes);
      this.bytes += chunk.length;
      this.parser.push(chunk.subarray(0, left));
      if (left < chunk.length || this.bytes === cutAfterBytes) this.cut();
    });
    response.on('end', () => {
      this.endedCleanly = true;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.isClosed = true;
    });
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  /** The facts, without `connected` and `reset`. */
  get facts(): readonly SseEvent[] {
    return this.events.filter(({ data }) => !/^\{"type":"(?:connected|reset)"/.test(data));
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  /** Destroys the socket: nothing more is read. */
  cut(): void {
    this.response.destroy();
  }

  async received(facts: number, boundMs = 20_000): Promise<readonly SseEvent[]> {
    await eventually(`${facts} facts`, () => this.facts.length >= facts, boundMs);
    return this.facts;
  }

  async closed(boundMs = 20_000): Promise<void> {
    await eventually('the end of the stream', () => this.isClosed, boundMs);
  }
}

/** Opens `GET url`; resolves when the headers are there, whatever the status. Rejects when nobody answers. */
export function openStream(url: string, options: SseOptions = {}): Promise<SseStream> {
  const headers = {
    accept: 'text/event-stream',
    ...options.headers,
    ...(options.lastEventId === undefined || options.lastEventId === ''
      ? {}
      : { 'last-event-id': options.lastEventId }),
  };
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, headers }, (response) => {
      const stream = new SseStream(response, options.cutAfterBytes);
      if (options.paused === true) response.pause();
      resolve(stream);
    });
    call.on('error', reject);
    call.end();
  });
}

/**
 * A listener that comes back with the id of its last completed block, however often it is cut. `ids` are those of the
 * facts that were fired, in order, over all its connections.
 */
export class ResumingListener {
  readonly ids: string[] = [];
  readonly facts: SseEvent[] = [];
  readonly resets: SseEvent[] = [];
  readonly violations: string[] = [];
  cursor: string;
  connections = 0;
  /** An id of `connected` that was not the cursor: something is missing. */
  readonly surprises: string[] = [];

  constructor(
    /** Asked before every connection: the replica to go to. */
    private readonly url: () => string,
    private readonly headers: Readonly<Record<string, string>> = {},
    cursor = '',
  ) {
    this.cursor = cursor;
  }

  /**
   * One connection: until it is cut after so many bytes, until `isDone`, or until the server ends it. A refused or failed
   * connection counts as one without an event.
   */
  async connect(options: {
    readonly cutAfterBytes?: number;
    readonly isDone?: () => boolean;
    readonly boundMs?: number;
  }) {
    this.connections += 1;
    const asked = this.cursor;
    let stream: SseStream;
    try {
      stream = await openStream(this.url(), {
        headers: this.headers,
        lastEventId: asked,
        ...(options.cutAfterBytes === undefined ? {} : { cutAfterBytes: options.cutAfterBytes }),
      });
    } catch {
      return;
    }
    if (stream.status !== 200) {
      stream.cut();
      return;
    }
    let taken = 0;
    const take = () => {
      for (const event of stream.events.slice(taken)) this.#take(event, asked);
      taken = stream.events.length;
      if (stream.parser.lastEventId !== '') this.cursor = stream.parser.lastEventId;
    };
    try {
      await eventually(
        'the end of the connection',
        () => {
          take();
          return stream.isClosed || (options.isDone?.() ?? false);
        },
        options.boundMs ?? 60_000,
      );
    } finally {
      stream.cut();
      take();
      this.violations.push(...stream.parser.violations);
    }
  }

  #take(event: SseEvent, asked: string): void {
    const { type } = JSON.parse(event.data) as { type: string };
    if (type === 'connected') {
      if (asked !== '' && event.lastEventId !== asked) this.surprises.push(event.lastEventId);
    } else if (type === 'reset') {
      this.resets.push(event);
    } else {
      this.ids.push(event.lastEventId);
      this.facts.push(event);
    }
  }
}
