import { setTimeout as pause } from 'node:timers/promises';
import { ResumingListener } from '../../support/sse-client.js';
import { agentName } from '../driver/operation.js';
import type { ListenerFilter } from '../oracle/expected-frames.js';
import type { Random } from '../random.js';
import { adminKey } from '../system/system.js';

const types = ['agent', 'connection', 'token', 'agent.status_changed', 'connection.created', 'token.reported'];
const SMALLEST_CUT_BYTES = 1;
const LARGEST_CUT_BYTES = 60_000;

/**
 * A listener from the beginning of the log with a random filter, that is cut after a random number of bytes or at a random
 * moment, and comes back with the id that it dispatched last. As often as it is told to.
 */
export class CutListener {
  readonly filter: ListenerFilter;
  readonly #listener: ResumingListener;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    url: () => string,
    clients: number,
    private readonly random: Random,
  ) {
    this.filter = {
      types: random.chance(0.4) ? [] : [random.pick(types), random.pick(types)],
      agents: random.chance(0.6) ? [] : [agentName(random.between(0, clients - 1))],
    };
    const query = new URLSearchParams({ from: 'earliest' });
    if (this.filter.types.length > 0) query.set('types', this.filter.types.join(','));
    if (this.filter.agents.length > 0) query.set('agent', this.filter.agents.join(','));
    this.#listener = new ResumingListener(() => `${url()}/api/events?${query.toString()}`, { 'x-api-key': adminKey });
  }

  get ids(): readonly string[] {
    return this.#listener.ids;
  }

  /** Every connection ended by a cut, by the death of the server or by a refusal. */
  get cuts(): number {
    return this.#listener.connections;
  }

  /** What a listener must never see, whatever happens to the server. */
  get surprises(): readonly string[] {
    const { resets, violations, surprises } = this.#listener;
    return [
      ...resets.map(({ data }) => `a reset: ${data}`),
      ...violations.map((line) => `a line that is no field: ${line}`),
      ...surprises.map((id) => `connected with ${id}, which was not asked for`),
    ];
  }

  start(): void {
    this.#running = this.#listen();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const until = performance.now() + this.random.magnitude(30, 3_000);
      const cutAfterBytes = this.random.magnitude(SMALLEST_CUT_BYTES, LARGEST_CUT_BYTES);
      await this.#listener.connect({ cutAfterBytes, isDone: () => signal.aborted || performance.now() > until });
      await pause(this.random.between(0, 100));
    }
  }
}
