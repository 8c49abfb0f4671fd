import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { LogTail } from '../log-tail/log-tail.js';
import { LOG_ADVANCED, type LogAdvanced } from './hints.js';

/** Tells the process how far the log has come as soon as its tail knows. */
@Module({})
export class LogHintsModule implements OnModuleInit {
  constructor(
    @Inject(LogTail) private readonly tail: LogTail,
    @Inject(EventEmitter2) private readonly hints: EventEmitter2,
  ) {}

  onModuleInit(): void {
    this.tail.onBatch((_, position) => this.hints.emit(LOG_ADVANCED, { position } satisfies LogAdvanced));
  }
}
