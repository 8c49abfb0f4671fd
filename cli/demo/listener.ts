import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Api } from './api.js';
import { until } from './until.js';

export interface ReceivedFact {
  readonly id: string;
  readonly type: string;
}

/**
 * A client of `GET /api/events` that can be cut off anywhere and goes on with the id of its last completed block, as
 * WHATWG HTML, "Server-sent events", says: what came of an unfinished block is thrown away.
 */
export class Listener {
  readonly facts: ReceivedFact[] = [];
  connections = 0;
  /** Bytes of unfinished blocks that cuts threw away. */
  lostBytes = 0;
  /** Where it began to listen. */
  start: string | undefined;
  private cursor: string | undefined;
  private call: ClientRequest | undefined;
  private unfinished = '';
  private hasEnded = false;
  private cutAfterFacts = Number.POSITIVE_INFINITY;

  constructor(private readonly api: Api) {}

  get lastEventId(): string | undefined {
    return this.cursor;
  }

  get isCut(): boolean {
    return this.hasEnded;
  }

  /** Resolves when the server said `connected`. */
  async connect(): Promise<void> {
    this.unfinished = '';
    this.hasEnded = false;
    this.cutAfterFacts = Number.POSITIVE_INFINITY;
    this.connections += 1;
    const resume = this.cursor === undefined ? {} : { 'last-event-id': this.cursor };
    const headers = { ...this.api.headers, ...resume, accept: 'text/event-stream' };
    const opened = this.connections;
    let isGreeted = false;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      this.call = request(`${this.api.url}/api/events`, { agent: false, headers }, resolve);
      this.call.once('error', reject);
      this.call.end();
    });
    if (response.statusCode !== 200) throw new Error(`GET /api/events was answered with ${response.statusCode}`);
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (this.hasEnded || this.connections !== opened) return;
      isGreeted = true;
      this.take(text);
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      if (this.connections === opened) this.hasEnded = true;
    });
    await until('the stream is open', () => isGreeted || this.hasEnded);
  }

  /** After so many more facts, in the middle of the block that follows. */
  cutAfter(facts: number): void {
    this.cutAfterFacts = this.facts.length + facts;
  }

  close(): void {
    this.hasEnded = true;
    this.lostBytes += Buffer.byteLength(this.unfinished);
    this.unfinished = '';
    this.call?.destroy();
  }

  private take(text: string): void {
    this.unfinished += text;
    for (;;) {
      const end = this.unfinished.indexOf('\n\n');
      if (end === -1) return;
      if (this.facts.length >= this.cutAfterFacts) {
        this.unfinished = this.unfinished.slice(0, Math.floor(end / 2));
        this.close();
        return;
      }
      this.block(this.unfinished.slice(0, end));
      this.unfinished = this.unfinished.slice(end + 2);
    }
  }

  private block(block: string): void {
    const field = (name: string) =>
      block
        .split('\n')
        .findLast((line) => line.startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    const id = field('id') ?? this.cursor;
    this.cursor = id;
    this.start ??= id;
    const data = field('data');
    if (data === undefined || id === undefined) return;
    const { type } = JSON.parse(data) as { type: string };
    if (type !== 'connected') this.facts.push({ id, type });
  }
}
