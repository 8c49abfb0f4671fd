import { Gauge, type Registry } from 'prom-client';
import type { ProjectionHealth, ProjectionStates } from './health-source.js';

/**
 * The read models as an api process sees them, asked once a scrape: the projector runs in a process of its own that nobody
 * scrapes. When they cannot be asked there is no value.
 */
export function registerReadModelMetrics(states: ProjectionStates, registry: Registry): void {
  let asked: Promise<readonly ProjectionHealth[]> | undefined;
  const current = () => {
    asked ??= states
      .all()
      .catch(() => [])
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
  const gauge = (name: string, help: string, valueOf: (health: ProjectionHealth) => number) => {
    const measured = new Gauge({
      name,
      help,
      labelNames: ['projection'],
      registers: [registry],
      collect: async () => {
        const all = await current();
        measured.reset();
        for (const health of all) measured.set({ projection: health.name }, valueOf(health));
      },
    });
  };
  gauge('mc_read_model_lag_events', 'Events that the read model does not show yet', ({ lagEvents }) => lagEvents);
  gauge('mc_read_model_lag_seconds', 'Age of the oldest event not shown yet', ({ lagSeconds }) => lagSeconds);
  gauge('mc_read_model_halted', '1: the read model stands still although there is work', ({ state }) =>
    state === 'halted' ? 1 : 0,
  );
}
