import { setTimeout as delay } from 'node:timers/promises';
import type { Part, RunningPart } from './part.js';
import { RestartBudget } from './restart-budget.js';

export interface Watcher {
  say(message: string): void;
  /** A process of a part came up or went away. */
  changed(): void;
  /** The part died too often: nobody starts it again. */
  gaveUp(message: string): void;
}

/** A part that is started again when it dies, until its budget is spent or it is told to stop. */
export class KeptPart {
  private running: RunningPart | undefined;
  private launching: Promise<unknown> = Promise.resolve();
  private keeping: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  private readonly budget = new RestartBudget();

  constructor(
    readonly part: Part,
    private readonly watcher: Watcher,
  ) {}

  get pid(): number | undefined {
    return this.running?.pid;
  }

  /** The first start: its failure is the caller's. Afterwards the part is kept running. */
  async start(): Promise<void> {
    this.keeping = this.keep(await this.launch());
  }

  /** Ends the part in whatever state it is, by force after `boundMs`. Never rejects. */
  async stop(boundMs: number): Promise<void> {
    this.stopping.abort();
    await this.launching.catch(() => undefined);
    await this.running?.stop(boundMs);
    await this.keeping;
  }

  private async launch(): Promise<RunningPart> {
    const launching = this.part.launch(this.stopping.signal);
    this.launching = launching;
    const running = await launching;
    this.running = running;
    if (running.note !== undefined) this.watcher.say(running.note);
    this.watcher.changed();
    return running;
  }

  private async keep(first: RunningPart): Promise<void> {
    let running: RunningPart | undefined = first;
    while (running !== undefined) {
      const since = performance.now();
      const reason = await running.ended;
      this.running = undefined;
      this.watcher.changed();
      running = await this.relaunch(reason, performance.now() - since);
    }
  }

  private async relaunch(reason: string, servedMs: number): Promise<RunningPart | undefined> {
    const { name } = this.part;
    for (let why = reason, served = servedMs; !this.stopping.signal.aborted; served = 0) {
      const pauseMs = this.budget.died(served);
      if (pauseMs === undefined) {
        this.watcher.gaveUp(`${name} keeps dying (${why}): everything stops`);
        return undefined;
      }
      this.watcher.say(`${name} ended (${why}): starting it again`);
      await delay(pauseMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      if (this.stopping.signal.aborted) return undefined;
      try {
        return await this.launch();
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
    }
    return undefined;
  }
}
