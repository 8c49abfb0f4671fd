import { type BeforeApplicationShutdown, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Drain } from './drain.js';

const RUNNING_REQUESTS_MS = 4_000;

/**
 * First nothing new comes in (readiness says so at the same moment), then what runs may finish; event streams are ended
 * by their owner meanwhile. After that the server closes its sockets.
 */
@Injectable()
export class GracefulStop implements OnModuleDestroy, BeforeApplicationShutdown {
  constructor(private readonly drain: Drain) {}

  onModuleDestroy(): void {
    this.drain.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.drain.finished(RUNNING_REQUESTS_MS);
  }
}
