import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { backoffMs, pause } from '../platform/event-store/backoff.js';
import { NO_WORKSPACE } from '../platform/event-store/platform-event.js';
import { Ids } from '../platform/ids/ids.js';
import { Logger } from '../platform/telemetry/logger.js';
import { PriceBook } from './price-book.js';
import type { HashedDocument, PriceCommand } from './price-book.decider.js';
import { readPricesFile } from './prices-file.js';
import { isNewer } from './published-news.js';
import { publishedPrices } from './published-prices.js';

/**
 * Brings the stream of prices to where the settings and the release want it: seeded once, with the overrides of the
 * file. Runs in the role `reactors`; the stream lets one of several processes win, and the others find it done.
 */
@Injectable()
export class PriceKeeper implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private overrides: HashedDocument | undefined;
  private work: Promise<void> | undefined;

  constructor(
    private readonly book: PriceBook,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly logger: Logger,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Errors: ConfigError for a bad `MC_PRICES_FILE`; the process must not start. */
  async onModuleInit(): Promise<void> {
    this.overrides = await readPricesFile(this.config.pricesFile);
  }

  onApplicationBootstrap(): void {
    this.work = this.keepTrying();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.work;
  }

  private async keepTrying(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.run();
        return;
      } catch (error) {
        this.logger.warn({ reason: String(error), attempt }, 'the prices cannot be brought up to date, will try again');
      }
      await pause(backoffMs(attempt, 100, 5_000), signal);
    }
  }

  private async run(): Promise<void> {
    await this.execute({ type: 'SeedPrices', ...publishedPrices() });
    if (this.overrides !== undefined) {
      await this.execute({
        type: 'RevisePrices',
        layer: 'override',
        reason: 'MC_PRICES_FILE',
        expectedVersion: undefined,
        ...this.overrides,
      });
    }
    const { layers } = (await this.book.load()).state;
    if (this.overrides === undefined && layers.override.documentHash !== null) {
      this.logger.warn(
        { label: layers.override.label },
        'price overrides are recorded and stay in force although MC_PRICES_FILE is empty; DELETE /api/prices/overrides clears them',
      );
    }
    if (isNewer(publishedPrices(), layers.book)) {
      this.logger.info(
        { label: publishedPrices().document.version },
        'this release brings newer prices; POST /api/prices/refresh?dryRun=true shows the difference',
      );
    }
  }

  private async execute(command: PriceCommand): Promise<void> {
    const id = this.ids.newId();
    await this.book.execute(systemContext('prices', NO_WORKSPACE, id, id, this.clock.now()), command);
  }
}
