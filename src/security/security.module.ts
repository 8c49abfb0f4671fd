import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { derivedKey } from '../platform/auth/key-hash.js';
import { RefusalJournal } from '../platform/auth/refusal-journal.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Ids } from '../platform/ids/ids.js';
import { Logger } from '../platform/telemetry/logger.js';
import { RefusedAccessJournal } from './refused-access.journal.js';

/** Notes refused access in the log. Needs global providers of `CONFIG`, `EventStore`, `Clock`, `Ids` and `Logger`. */
@Module({
  providers: [
    {
      provide: RefusedAccessJournal,
      useFactory: (config: Config, store: EventStore, clock: Clock, ids: Ids, logger: Logger) =>
        new RefusedAccessJournal({ store, clock, ids, logger, addressKey: addressKeyOf(config) }),
      inject: [CONFIG, EventStore, Clock, Ids, Logger],
    },
    { provide: RefusalJournal, useExisting: RefusedAccessJournal },
  ],
  exports: [RefusalJournal],
})
export class SecurityModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(@Inject(RefusedAccessJournal) private readonly journal: RefusedAccessJournal) {}

  onApplicationBootstrap(): void {
    this.journal.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.journal.stop();
  }
}

function addressKeyOf(config: Config): Buffer {
  return derivedKey(config.secretKeys[0]?.value ?? Buffer.alloc(0), 'address-hash');
}
