import { collectDefaultMetrics, Registry } from 'prom-client';
import { RequestMetrics } from './request-metrics.js';

/** The figures of one process. Register gauges and counters of your own on `registry`; names begin with `mc_`. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = new RequestMetrics();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  readonly contentType = this.registry.contentType;

  /** Prometheus text exposition of everything. */
  async text(): Promise<string> {
    return `${await this.registry.metrics()}${this.requests.text()}`;
  }
}
