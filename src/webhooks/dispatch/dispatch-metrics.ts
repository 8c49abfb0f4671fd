import { Counter, type Registry } from 'prom-client';

export class DispatchMetrics {
  private readonly attempts: Counter<'result'>;

  constructor(registry: Registry) {
    this.attempts = new Counter({
      name: 'webhook_attempts_total',
      help: 'Attempts to deliver a message to a webhook endpoint.',
      labelNames: ['result'],
      registers: [registry],
    });
  }

  count(result: 'delivered' | 'failed' | 'died' | 'skipped' | 'elsewhere'): void {
    this.attempts.inc({ result });
  }
}
