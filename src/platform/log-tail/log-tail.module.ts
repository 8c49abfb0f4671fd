import { Global, Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventStore } from '../event-store/event-store.js';
import { Logger } from '../telemetry/logger.js';
import { LogTail } from './log-tail.js';

/**
 * Gives `LogTail` to everybody. It starts when every module has been initialised, so a listener that is registered in a
 * constructor or in `onModuleInit` misses nothing. Starting never waits for the store.
 */
@Global()
@Module({
  providers: [
    {
      provide: LogTail,
      useFactory: (store: EventStore, logger: Logger) => new LogTail(store, logger),
      inject: [EventStore, Logger],
    },
  ],
  exports: [LogTail],
})
export class LogTailModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(LogTail) private readonly tail: LogTail) {}

  onApplicationBootstrap(): void {
    this.tail.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tail.stop();
  }
}
