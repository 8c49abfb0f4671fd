import type { Random } from '../random.js';
import type { Driver } from './driver.js';
import type { Entry } from './ledger.js';
import { beat, bulk, connect, disconnect, type Operation, tokens } from './operation.js';

/** Longest time until an operation must have a known outcome. */
const OUTCOME_BOUND_MS = 90_000;
const LONGEST_REST_MS = 40;

/** One agent: connects, beats, reports, drops off, comes back. Repeats what it does not know the outcome of. */
export class SimulatedAgent {
  #connectionId: string | undefined;

  constructor(
    private readonly client: number,
    private readonly driver: Driver,
    private readonly random: Random,
  ) {}

  async work(isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      await this.#do(this.#next());
      await this.driver.rest(this.random.between(0, LONGEST_REST_MS));
    }
  }

  #next(): Operation {
    const id = this.driver.nextId();
    const { client, random } = this;
    if (this.#connectionId === undefined) return connect(id, client);
    const dice = random.next();
    if (dice < 0.55) return beat(id, client, this.#connectionId);
    if (dice < 0.8) return tokens(id, client, random);
    if (dice < 0.9) return bulk(id, client, random);
    if (dice < 0.95) return connect(id, client);
    return disconnect(id, client, this.#connectionId);
  }

  async #do(operation: Operation): Promise<void> {
    const { ledger } = this.driver;
    const entry = ledger.open(operation);
    const until = performance.now() + OUTCOME_BOUND_MS;
    for (let attempt = 1; performance.now() < until; attempt += 1) {
      ledger.sending(entry);
      const answer = await this.driver.call(operation.method, operation.path, operation.body, operation.id);
      if ('failure' in answer) ledger.unknown(entry, answer.failure);
      else if (answer.status >= 200 && answer.status < 300) {
        this.#acknowledged(entry, answer.status, answer.headers, answer.text);
        return;
      } else if (answer.status >= 500 || answer.status === 429) {
        ledger.unknown(entry, `${answer.status} ${answer.text}`);
      } else {
        ledger.refused(entry, answer.status, answer.text);
        this.#connectionId = undefined;
        return;
      }
      await this.driver.rest(Math.min(25 * 2 ** attempt, 500) * (0.5 + this.random.next()));
    }
  }

  #acknowledged(entry: Entry, status: number, headers: Headers, text: string): void {
    const { operation } = entry;
    const { connection_id: given } = JSON.parse(text) as { connection_id?: string };
    const connectionId = operation.kind === 'connect' ? given : operation.connectionId;
    this.driver.ledger.acked(entry, { status, position: headers.get('x-mc-position') ?? undefined, connectionId });
    this.driver.acknowledged += 1;
    if (operation.kind === 'connect') this.#connectionId = given;
    if (operation.kind === 'disconnect') this.#connectionId = undefined;
  }
}
