import { Module } from '@nestjs/common';
import { EventStore } from '../platform/event-store/event-store.js';
import { LogGeneration } from '../platform/event-store/log-generation.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { AuditController } from './audit.controller.js';
import { AuditLog } from './audit-log.js';

/** `GET /api/audit/events`. Needs global providers of `EventStore`, `LogGeneration` and `LogTail`. */
@Module({
  controllers: [AuditController],
  providers: [
    {
      provide: AuditLog,
      useFactory: (store: EventStore, tail: LogTail, generation: LogGeneration) =>
        new AuditLog(store, tail, generation),
      inject: [EventStore, LogTail, LogGeneration],
    },
  ],
})
export class AuditModule {}
