import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../clock/clock.js';
import { CONFIG, type Config } from '../config/config.js';
import { Ids } from '../ids/ids.js';
import { Numbers } from '../numbers/numbers.js';
import { Logger } from '../telemetry/logger.js';
import type { EventContract } from './event-contract.js';
import { EventRegistry } from './event-registry.js';
import { EventStoreGateway } from './event-store.gateway.js';
import { EventStore } from './event-store.js';
import { LogGeneration } from './log-generation.js';
import { StoredLogGeneration } from './stored-log-generation.js';

/**
 * Gives `EventStore`, `EventRegistry`, `LogGeneration` and `Numbers` to everybody. Needs global providers of `CONFIG`,
 * `Logger`, `Clock` and `Ids`. Starting never waits for the store: until it answers, its errors are `StoreUnavailable`
 * and `LogGeneration.isKnown` is false.
 */
@Module({})
export class EventStoreModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(EventStore) private readonly store: EventStore,
    @Inject(StoredLogGeneration) private readonly generation: StoredLogGeneration,
  ) {}

  /** The contracts are handed in, because the platform does not know the features. */
  static forContracts(contracts: readonly EventContract[]): DynamicModule {
    return {
      module: EventStoreModule,
      global: true,
      providers: [
        { provide: EventRegistry, useFactory: () => new EventRegistry(contracts) },
        {
          provide: EventStore,
          useFactory: (config: Config, registry: EventRegistry, log: Logger) =>
            new EventStoreGateway({ url: config.eventStoreUrl, registry, log }),
          inject: [CONFIG, EventRegistry, Logger],
        },
        {
          provide: StoredLogGeneration,
          useFactory: (store: EventStore, clock: Clock, ids: Ids, log: Logger) =>
            new StoredLogGeneration({ store, clock, ids, log }),
          inject: [EventStore, Clock, Ids, Logger],
        },
        { provide: LogGeneration, useExisting: StoredLogGeneration },
        {
          provide: Numbers,
          useFactory: (store: EventStore, clock: Clock, ids: Ids) => new Numbers({ store, clock, ids }),
          inject: [EventStore, Clock, Ids],
        },
      ],
      exports: [EventStore, EventRegistry, LogGeneration, Numbers],
    };
  }

  onModuleInit(): void {
    void this.generation.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.generation.stop();
    await this.store.close();
  }
}
