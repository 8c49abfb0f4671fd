import { closeSync, openSync, writeSync } from 'node:fs';
import type { Operation } from './operation.js';

export type State = 'sent' | 'acked' | 'refused' | 'unknown';

/** What the harness knows of an operation. */
export interface Entry {
  readonly operation: Operation;
  state: State;
  /** How often it was sent. */
  attempts: number;
  status: number | undefined;
  position: string | undefined;
  connectionId: string | undefined;
}

/**
 * Every operation and what became of it, in the order of sending; outside of the system under test, also as a file with
 * one line a change, written before the request leaves.
 */
export class Ledger {
  readonly entries: Entry[] = [];
  readonly #file: number;

  constructor(file: string) {
    this.#file = openSync(file, 'a');
  }

  /** The state before the first answer. */
  open(operation: Operation): Entry {
    const entry: Entry = {
      operation,
      state: 'sent',
      attempts: 0,
      status: undefined,
      position: undefined,
      connectionId: undefined,
    };
    this.entries.push(entry);
    return entry;
  }

  sending(entry: Entry): void {
    entry.attempts += 1;
    this.#write(entry, 'sent', { attempt: entry.attempts, kind: entry.operation.kind, body: entry.operation.body });
  }

  unknown(entry: Entry, why: string): void {
    entry.state = 'unknown';
    this.#write(entry, 'unknown', { why });
  }

  acked(
    entry: Entry,
    answer: { status: number; position: string | undefined; connectionId: string | undefined },
  ): void {
    Object.assign(entry, answer);
    entry.state = 'acked';
    this.#write(entry, 'acked', answer);
  }

  refused(entry: Entry, status: number, why: string): void {
    entry.state = 'refused';
    entry.status = status;
    this.#write(entry, 'refused', { status, why });
  }

  count(state: State): number {
    return this.entries.filter((entry) => entry.state === state).length;
  }

  close(): void {
    closeSync(this.#file);
  }

  #write({ operation }: Entry, state: State, facts: object): void {
    const line = { at: performance.now(), id: operation.id, client: operation.client, state, ...facts };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
