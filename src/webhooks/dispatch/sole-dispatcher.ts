import type { Client } from 'pg';
import { closeQuietly, type Connect } from '../../../projections/engine/index.js';
import { RepeatingJob } from '../../platform/clock/repeating-job.js';
import type { Logger } from '../../platform/telemetry/logger.js';

/** Any number that nobody else locks: "webhooks" in ASCII, cut. */
const LOCK = 0x7765_6268;
const LOOK_EVERY_MS = 1_000;

/** What one of several processes does at a time. */
export interface SoleWork {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Lets one process work: it holds a lock of the database for as long as its connection lives, so that the death of the
 * process frees it at once. While the database is away the worker goes on: what two might do at once is harmless, since
 * each delivery's stream takes one writer at a time.
 */
export class SoleDispatcher {
  private client: Client | undefined;
  /** The connection that holds the lock. */
  private holder: Client | undefined;
  private work: SoleWork | undefined;
  private job: RepeatingJob | undefined;

  constructor(
    private readonly connect: Connect,
    private readonly make: () => SoleWork,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.job ??= new RepeatingJob(
      LOOK_EVERY_MS,
      () => this.look(),
      (error) => this.logger.debug({ err: error }, 'nobody can say who dispatches webhooks'),
    );
  }

  async stop(): Promise<void> {
    await this.job?.stop();
    await this.work?.stop();
    await closeQuietly(this.client);
  }

  private async look(): Promise<void> {
    try {
      this.client ??= await this.connect();
      const holds = await this.holds(this.client);
      if (holds && this.work === undefined) {
        this.work = this.make();
        this.work.start();
        this.logger.info({}, 'this process dispatches webhooks');
      }
      if (!holds && this.work !== undefined) {
        const { work } = this;
        this.work = undefined;
        await work.stop();
        this.logger.info({}, 'another process dispatches webhooks');
      }
    } catch (error) {
      const { client } = this;
      this.client = undefined;
      await closeQuietly(client);
      throw error;
    }
  }

  private async holds(client: Client): Promise<boolean> {
    if (this.holder === client) {
      await client.query('select 1');
      return true;
    }
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [LOCK]);
    const held = rows[0]?.held ?? false;
    if (held) this.holder = client;
    return held;
  }
}
