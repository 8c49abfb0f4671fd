import { RepeatingJob } from '../clock/repeating-job.js';
import type { Database } from './database.js';

export interface ReadModelWork {
  /** Pause after each run, ms. */
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** A {@link RepeatingJob} that needs the read models: it begins when their schema is there, and ends with its owner. */
export class ReadModelJob {
  private job: RepeatingJob | undefined;
  private stopped = false;

  /** Returns at once; the database may be away for long. */
  start(database: Database, { everyMs, run, onError }: ReadModelWork): void {
    void database.start().then(() => {
      if (!this.stopped) this.job = new RepeatingJob(everyMs, run, onError);
    });
  }

  /** Waits for the run under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.job?.stop();
  }
}
