import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Clock } from '../platform/clock/clock.js';
import { ReadinessCheck } from './readiness.js';

@Controller('/api/health')
export class HealthController {
  constructor(
    @Inject(ReadinessCheck) private readonly readiness: ReadinessCheck,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The process lives. Asks no dependency: an outage must not become a restart loop. */
  @Get()
  live() {
    return { status: 'ok', ts: this.seconds() };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const readiness = await this.readiness.current();
    if (readiness.status === 'not_ready') reply.code(503).header('retry-after', '1');
    return { ...readiness, ts: this.seconds() };
  }

  private seconds(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }
}
