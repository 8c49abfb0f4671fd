import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import { type Finding, finding } from '../finding.js';
import type { Random } from '../random.js';
import { adminKey } from '../system/system.js';
import type { Ledger } from './ledger.js';
import { SimulatedAgent } from './simulated-agent.js';

/** K agents that do numbered operations side by side, each one after the other. */
export class Driver {
  /** What was wrong with answers, whatever they answered. */
  readonly complaints: Finding[] = [];
  inFlight = 0;
  slowestMs = 0;
  acknowledged = 0;
  readonly #agents: readonly SimulatedAgent[];
  #loops: Promise<void>[] = [];
  #numbered = 0;
  #isRunning = false;

  constructor(
    private readonly url: () => string,
    readonly ledger: Ledger,
    random: Random,
    clients: number,
  ) {
    this.#agents = Array.from(
      { length: clients },
      (_, client) => new SimulatedAgent(client, this, random.fork(`agent-${client}`)),
    );
  }

  nextId(): string {
    this.#numbered += 1;
    return `op-${this.#numbered}`;
  }

  start(): void {
    this.#isRunning = true;
    this.#loops = this.#agents.map((agent) => agent.work(() => this.#isRunning));
  }

  /** Stops sending; resolves when the outcome of everything that was sent is known. */
  async settle(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }

  /** Resolves when so many more operations were acknowledged. */
  async progress(operations: number, boundMs = 30_000): Promise<void> {
    const enough = this.acknowledged + operations;
    await eventually(`${operations} acknowledged operations`, () => this.acknowledged >= enough, boundMs);
  }

  /** One request. Undefined: nobody knows what became of it. */
  async call(
    method: string,
    path: string,
    body: unknown,
    key: string,
  ): Promise<{ status: number; headers: Headers; text: string } | { failure: string }> {
    this.inFlight += 1;
    const sentAt = performance.now();
    try {
      const answer = await fetch(`${this.url()}${path}`, {
        method,
        headers: { 'x-api-key': adminKey, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
      const text = await answer.text();
      this.#judge(answer, text, `${method} ${path}`);
      return { status: answer.status, headers: answer.headers, text };
    } catch (error) {
      return { failure: reasonOf(error) };
    } finally {
      this.inFlight -= 1;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
    }
  }

  async rest(ms: number): Promise<void> {
    await pause(ms);
  }

  #judge({ status, headers }: Response, text: string, route: string): void {
    if (status === 503 && headers.get('retry-after') === null) {
      this.complaints.push(finding('unwell', `503 without Retry-After from ${route}`));
    }
    if (status >= 500 && status !== 503) this.complaints.push(finding('unwell', `${status} from ${route}: ${text}`));
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
