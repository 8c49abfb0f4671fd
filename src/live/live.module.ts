import {
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { KeyringModule } from '../keys/keyring.module.js';
import { CredentialStatus } from '../platform/auth/credential-status.js';
import { TicketVerifier } from '../platform/auth/ticket-verifier.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Logger } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { EventsController } from './events.controller.js';
import { frameOf } from './frames/all.frames.js';
import { LiveHub } from './live-hub.js';
import { LiveMetrics } from './live-metrics.js';
import { LiveStreams } from './live-streams.js';
import { StreamSlots } from './stream-slots.js';
import { TicketController } from './tickets/ticket.controller.js';
import { TicketTable } from './tickets/ticket-table.js';
import { Tickets } from './tickets/tickets.js';

const hub: Provider = {
  provide: LiveHub,
  useFactory: (
    tail: LogTail,
    store: EventStore,
    generation: LogGeneration,
    clock: Clock,
    metrics: Metrics,
    logger: Logger,
    credentials: CredentialStatus,
  ) =>
    new LiveHub({
      tail,
      store,
      generation,
      frameOf,
      clock,
      metrics: new LiveMetrics(metrics.registry),
      logger,
      isStillValid: (principal) => credentials.isActive(principal),
    }),
  inject: [LogTail, EventStore, LogGeneration, Clock, Metrics, Logger, CredentialStatus],
};

const streams: Provider = {
  provide: LiveStreams,
  useFactory: (
    hub: LiveHub,
    tail: LogTail,
    store: EventStore,
    generation: LogGeneration,
    clock: Clock,
    config: Config,
  ) =>
    new LiveStreams({
      hub,
      tail,
      store,
      generation,
      clock,
      slots: new StreamSlots({ perCredential: config.streamsPerKey, perProcess: config.streamsPerProcess }),
    }),
  inject: [LiveHub, LogTail, EventStore, LogGeneration, Clock, CONFIG],
};

const tickets: Provider[] = [
  {
    provide: TicketTable,
    useFactory: (config: Config) => new TicketTable(config.databaseUrl),
    inject: [CONFIG],
  },
  {
    provide: Tickets,
    useFactory: (table: TicketTable, credentials: CredentialStatus, config: Config) =>
      new Tickets(
        table,
        credentials,
        config.secretKeys.map(({ value }) => value),
      ),
    inject: [TicketTable, CredentialStatus, CONFIG],
  },
  { provide: TicketVerifier, useExisting: Tickets },
];

/**
 * `GET /api/events` and its tickets. Needs global providers of `CONFIG`, `Logger`, `Metrics`, `Clock`, `EventStore`,
 * `LogGeneration` and `LogTail`.
 */
@Module({
  imports: [KeyringModule],
  controllers: [EventsController, TicketController],
  providers: [hub, streams, ...tickets],
  exports: [LiveHub, TicketVerifier],
})
export class LiveModule implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(LiveHub) private readonly hub: LiveHub,
    @Inject(TicketTable) private readonly table: TicketTable,
    @Inject(CredentialStatus) private readonly credentials: CredentialStatus,
  ) {}

  onModuleInit(): void {
    this.hub.start();
    this.credentials.onEnded((credentialId) => this.hub.closeStreamsOf(credentialId));
  }

  /** Before the server closes: an open stream would keep it waiting. */
  async onModuleDestroy(): Promise<void> {
    await this.hub.drain();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.table.close();
  }
}
