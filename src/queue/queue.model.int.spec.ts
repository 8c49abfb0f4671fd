import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { startNode } from '../../embedded/event-store/index.js';
import { allEventContracts } from '../all.events.js';
import { EventRegistry } from '../platform/event-store/event-registry.js';
import { EventStoreGateway } from '../platform/event-store/event-store.gateway.js';
import { QueueModel } from '../../test/support/queue-model/queue-model.js';
import { queueSteps } from '../../test/support/queue-model/queue-steps.js';
import { QueueProcess, QueueWorld } from '../../test/support/queue-model/queue-world.js';

/** A number of its own for a long run: `MODEL_RUNS=2000 npm test -- src/queue/queue.model`. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 40);
const BOUND_MS = 60_000 + RUNS * 1_000;

describe('the queue, whatever agents do', () => {
  let node: Awaited<ReturnType<typeof startNode>>;
  let dir: string;
  let store: EventStoreGateway;
  let processes: readonly QueueProcess[];
  let workspaces = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-queue-model-'));
    node = await startNode({ dir });
    store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
    processes = [await QueueProcess.start(store), await QueueProcess.start(store)];
  });

  afterAll(async () => {
    for (const process of processes) await process.stop();
    await store.close();
    await node.close();
    await rm(dir, { recursive: true, force: true });
  });

  it(
    'does what a simple model of it does',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(queueSteps, { maxCommands: 40, size: 'max' }), async (steps) => {
          const world = new QueueWorld(store, processes, (workspaces += 1));
          const model = new QueueModel();
          try {
            await fc.asyncModelRun(() => ({ model, real: world }), steps);
            for (const task of model.tasks) {
              expect([task.id, await world.state(task.id)]).toEqual([task.id, model.expected(task)]);
            }
          } finally {
            await resumeAll(model);
          }
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: BOUND_MS - 10_000, markInterruptAsFailure: true, ...seed() },
      );
    },
    BOUND_MS,
  );
});

function seed(): { readonly seed?: number } {
  const given = process.env['MODEL_SEED'];
  return given === undefined ? {} : { seed: Number(given) };
}

async function resumeAll({ stalled }: QueueModel): Promise<void> {
  for (const { resume, outcome } of stalled.values()) {
    resume();
    await outcome.catch(() => undefined);
  }
}
