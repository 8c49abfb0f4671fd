import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { type ProjectionHealth, ProjectionStates } from './health-source.js';
import { registerReadModelMetrics } from './read-model-metrics.js';

class GivenStates extends ProjectionStates {
  given: readonly ProjectionHealth[] | undefined;

  override all(): Promise<readonly ProjectionHealth[]> {
    return this.given === undefined ? Promise.reject(new Error('away')) : Promise.resolve(this.given);
  }
}

describe('the metrics of the read models', () => {
  it('are those of this moment, and none when they cannot be asked', async () => {
    const states = new GivenStates();
    const registry = new Registry();
    registerReadModelMetrics(states, registry);

    states.given = [{ name: 'agent-status', state: 'halted', lagEvents: 7, lagSeconds: 1.5 }];
    const text = await registry.metrics();
    expect(text).toContain('mc_read_model_lag_events{projection="agent-status"} 7\n');
    expect(text).toContain('mc_read_model_lag_seconds{projection="agent-status"} 1.5\n');
    expect(text).toContain('mc_read_model_halted{projection="agent-status"} 1\n');

    states.given = undefined;
    expect(await registry.metrics()).not.toContain('agent-status');
  });
});
