import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { startPostgres } from '../embedded/postgres/index.js';
import { allMigrations } from '../projections/all.migrations.js';
import { closeQuietly, type Connect, connector, inTransaction, withClient } from '../projections/engine/database.js';
import { quietLogger } from '../projections/engine/logger.js';
import { engineMetrics } from '../projections/engine/metrics.js';
import { migrate } from '../projections/engine/migrations.js';
import { rebuild } from '../projections/engine/rebuild.js';
import { ProjectionWorker } from '../projections/engine/worker.js';
import { tokenUsage } from '../projections/token-usage/token-usage.projection.js';
import { allEventContracts } from '../src/all.events.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../src/platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter } from '../src/platform/event-store/position.js';
import type { ProposedEvent, StoredEvent } from '../src/platform/event-store/stored-event.js';
import { startLogNode } from './log-node.js';

/**
 * The projector against a bare loop that sends the same columns to the same tables, and a rebuild through a real log.
 * Figures are of this machine and this moment; the ratio is what counts.
 */

const HELP = `Usage: npm run bench:projector -- [--events 100000] [--rounds 5] [--rebuild 100000] [--database <url>]`;

const BATCH = 1_000;

interface Run {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    rebuild: { type: 'string', default: '100000' },
    database: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const dir = await mkdtemp(join(tmpdir(), 'mc-bench-'));
const postgres = values.database === undefined ? await startPostgres({ dir: join(dir, 'postgres') }) : undefined;
const connect = connector(values.database ?? postgres?.url ?? '', 'bench');
try {
  console.log(`${cpus().length} cores, load ${loadText()}, Node ${process.version}`);
  await reset(connect);
  await compare(connect, Number(values.events), Number(values.rounds));
  await rebuildThroughTheLog(connect, Number(values.rebuild));
} finally {
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
}

async function reset(connectTo: Connect): Promise<void> {
  await withClient(connectTo, async (client) => {
    await client.query('drop schema public cascade; create schema public');
    await migrate(client, allMigrations);
  });
}

async function compare(connectTo: Connect, events: number, rounds: number): Promise<void> {
  const log = Array.from({ length: events }, (_, index) => stored(reported(index), BigInt(index)));
  const projector: Run[] = [];
  const bare: Run[] = [];
  for (let round = 0; round <= rounds; round++) {
    await reset(connectTo);
    const ours = await measured(events, () => project(connectTo, log));
    await reset(connectTo);
    const control = await measured(events, () => bareLoop(connectTo, log));
    // The first round warms up.
    if (round === 0) continue;
    projector.push(ours);
    bare.push(control);
    console.log(`round ${round}: projector ${text(ours)}; bare loop ${text(control)}; load ${loadText()}`);
  }
  const ratios = projector.map((run, index) => run.perSecond / (bare[index]?.perSecond ?? Number.NaN));
  console.log(`projector: median ${text(medianRun(projector))}`);
  console.log(`bare unnest loop: median ${text(medianRun(bare))}`);
  console.log(
    `ratio: median ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), at least 0.50`,
  );
}

/** Engine, fold and write; the events are already decoded. */
async function project(connectTo: Connect, log: readonly StoredEvent[]): Promise<void> {
  const worker = new ProjectionWorker(tokenUsage, 1, connectTo, quietLogger, engineMetrics(new Registry()), {
    mode: 'live',
  });
  await worker.open();
  const run = worker.run();
  for (let from = 0; from < log.length; from += BATCH) {
    worker.offer(log.slice(from, from + BATCH));
    await worker.room();
  }
  const end = log.at(-1)?.position ?? BEFORE_EVERYTHING;
  for (;;) {
    if (!isAfter(end, worker.status().checkpoint.position)) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
  worker.stop();
  await run;
}

/** The same statement in a loop, without engine: no checkpoint, no fence, no queue. */
async function bareLoop(connectTo: Connect, log: readonly StoredEvent[]): Promise<void> {
  const client = await connectTo();
  try {
    for (let from = 0; from < log.length; from += BATCH) {
      const batch = tokenUsage.fold(log.slice(from, from + BATCH));
      await inTransaction(client, () =>
        batch.write(
          {
            run: async ({ name = '', text: sql, values: bound = [] }) =>
              (await client.query({ name, text: sql, values: [...bound] })).rows,
          },
          1,
        ),
      );
    }
  } finally {
    await closeQuietly(client);
  }
}

async function rebuildThroughTheLog(connectTo: Connect, events: number): Promise<void> {
  await reset(connectTo);
  const node = await startLogNode(join(dir, 'log'));
  const store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
  try {
    await fill(store, events);
    const run = await measured(events, async () => {
      await rebuild({
        store,
        connect: connectTo,
        versions: [{ projection: tokenUsage, version: 2 }],
        logger: quietLogger,
        registry: new Registry(),
        onProgress: ({ events: done, eventsPerSecond }) => console.log(`  ${done} events, ${eventsPerSecond} a second`),
      });
    });
    console.log(
      `rebuild of ${events} events through the log: ${(events / run.perSecond).toFixed(1)} s, ${text(run)}, client and decoding included; load ${loadText()}`,
    );
  } finally {
    await store.close();
    node.child.kill('SIGTERM');
  }
}

async function fill(store: EventStore, events: number): Promise<void> {
  const size = 500;
  for (let from = 0; from < events; from += size) {
    const batch = Array.from({ length: Math.min(size, events - from) }, (_, index) => reported(from + index));
    await store.append(`usage-${(from / size) % 16}`, batch, 'any');
  }
}

async function measured(events: number, work: () => Promise<void>): Promise<Run> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (events * 1_000) / ms, cpuMicros: (user + system) / events };
}

function reported(index: number): ProposedEvent {
  const id = randomUUID();
  const agent = `agent-${index % 60}`;
  const at = new Date(Date.parse('2026-01-01T00:00:00.000Z') + index * 250).toISOString();
  return {
    id: randomUUID(),
    type: 'TokenUsageReported',
    data: {
      id,
      eventId: `run-${index}`,
      model: `model-${index % 10}`,
      sessionId: `${agent}:${index % 7}`,
      agentName: agent,
      agentId: index % 60,
      operation: 'chat_completion',
      timestamp: Date.parse(at),
      taskId: null,
      inputTokens: 1_000 + (index % 977),
      outputTokens: 100 + (index % 97),
      cacheReadTokens: index % 13,
      cacheWriteTokens: index % 5,
      contentDigest: id.replaceAll('-', ''),
    },
    metadata: {
      workspaceId: 1,
      correlationId: id,
      causationId: id,
      actor: { kind: 'agent', id: String(index % 60), name: agent },
      occurredAt: at,
      recordedAt: at,
    },
  };
}

function stored(event: ProposedEvent, place: bigint): StoredEvent {
  const position = { commit: place * 700n, prepare: place * 700n };
  return {
    ...event,
    metadata: { ...event.metadata, schemaVersion: 1 },
    position,
    stream: `usage-${place % 16n}`,
    revision: place / 16n,
    createdAt: new Date(event.metadata.recordedAt),
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

function medianRun(runs: readonly Run[]): Run {
  return { perSecond: median(runs.map((run) => run.perSecond)), cpuMicros: median(runs.map((run) => run.cpuMicros)) };
}

function text({ perSecond, cpuMicros }: Run): string {
  return `${Math.round(perSecond)} events/s, ${cpuMicros.toFixed(1)} µs of Node CPU an event`;
}

function loadText(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}
