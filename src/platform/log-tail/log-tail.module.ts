<<<<<<< HEAD
import { Global, Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
=======
import { Global, Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
>>>>>>> 321d84f (Put the roles together: api, projector and reactors of one program)
import { EventStore } from '../event-store/event-store.js';
import { Logger } from '../telemetry/logger.js';
import { LogTail } from './log-tail.js';

<<<<<<< HEAD
/**
 * Gives `LogTail` to everybody. It starts when every module has been initialised, so a listener that is registered in a
 * constructor or in `onModuleInit` misses nothing. Starting never waits for the store.
 */
=======
/** Gives the one tail of an api process to everybody. Needs global providers of `EventStore` and `Logger`. */
>>>>>>> 321d84f (Put the roles together: api, projector and reactors of one program)
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
<<<<<<< HEAD
export class LogTailModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(LogTail) private readonly tail: LogTail) {}

  onApplicationBootstrap(): void {
=======
export class LogTailModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(LogTail) private readonly tail: LogTail) {}

  onModuleInit(): void {
>>>>>>> 321d84f (Put the roles together: api, projector and reactors of one program)
    this.tail.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tail.stop();
  }
}
