import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CredentialStatus } from '../platform/auth/credential-status.js';
import { KeyDirectory } from '../platform/auth/key-directory.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { Ids } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Logger } from '../platform/telemetry/logger.js';
import { KeyRing } from './key-ring.js';
import { KEY_USE_RETENTION_SECONDS, keyUseStreams, KeyUses } from './key-uses.js';
import { KeyringCommands } from './keyring.commands.js';
import { KnownKeys } from './known-keys.js';

/**
 * Which keys count, in every api process, and the commands that change it. Needs global providers of `CONFIG`, `Logger`,
 * `Clock`, `Ids`, `EventStore`, `Numbers` and `LogTail`. Starting never waits for the store.
 */
@Module({
  imports: [AgentDirectoryModule],
  providers: [
    {
      provide: KeyRing,
      useFactory: (store: EventStore, tail: LogTail, logger: Logger) => new KeyRing(store, tail, logger),
      inject: [EventStore, LogTail, Logger],
    },
    {
      provide: KeyUses,
      useFactory: (store: EventStore, clock: Clock, ids: Ids, logger: Logger) =>
        new KeyUses({ store, clock, ids, logger }),
      inject: [EventStore, Clock, Ids, Logger],
    },
    {
      provide: KnownKeys,
      useFactory: (config: Config, ring: KeyRing, agents: AgentDirectory, clock: Clock, uses: KeyUses) =>
        new KnownKeys(config.environmentKeys, { ring, agents, clock, uses }),
      inject: [CONFIG, KeyRing, AgentDirectory, Clock, KeyUses],
    },
    { provide: KeyDirectory, useExisting: KnownKeys },
    { provide: CredentialStatus, useExisting: KnownKeys },
    KeyringCommands,
  ],
  exports: [CredentialStatus, KeyDirectory, KeyRing, KeyringCommands],
})
export class KeyringModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(KeyRing) private readonly ring: KeyRing,
    @Inject(KeyUses) private readonly uses: KeyUses,
    private readonly store: EventStore,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.ring.start();
    this.keepUsesForAWhile().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the retention of key uses could not be set; the next start tries again');
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.ring.stop();
    await this.uses.stop();
  }

  private async keepUsesForAWhile(): Promise<void> {
    for (const stream of keyUseStreams) await this.store.setMaxAge(stream, KEY_USE_RETENTION_SECONDS);
  }
}
