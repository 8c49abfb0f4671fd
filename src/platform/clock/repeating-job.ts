import { setTimeout as pause } from 'node:timers/promises';

/**
 * Runs `work` again and again, `everyMs` after the end of the last run; never two at once. An error goes to `onError`
 * and the next run comes as usual. `stop` waits for the run under way.
 */
export class RepeatingJob {
  private readonly abort = new AbortController();
  private readonly finished: Promise<void>;

  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {
    this.finished = this.run();
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.finished;
  }

  private async run(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        await this.work();
      } catch (error) {
        this.onError(error);
      }
      await pause(this.everyMs, undefined, { signal }).catch(() => {});
    }
  }
}
