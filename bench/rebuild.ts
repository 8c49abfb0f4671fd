import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { startPostgres } from '../embedded/postgres/index.js';
import { activities } from '../projections/activities/activities.projection.js';
import { allMigrations } from '../projections/all.migrations.js';
import { type Connect, connector, withClient } from '../projections/engine/database.js';
import { quietLogger } from '../projections/engine/logger.js';
import { migrate } from '../projections/engine/migrations.js';
import { type Projection, tableName } from '../projections/engine/projection.js';
import { rebuild } from '../projections/engine/rebuild.js';
import { ProjectionEngine } from '../projections/engine/engine.js';
import { EVENTS_A_TASK, workOf } from '../projections/engine/testing/work-history.js';
import { keys } from '../projections/keys/keys.projection.js';
import { notifications } from '../projections/notifications/notifications.projection.js';
import { projects } from '../projections/projects/projects.projection.js';
import { tasks } from '../projections/tasks/tasks.projection.js';
import { allEventContracts } from '../src/all.events.js';
import { SystemClock } from '../src/platform/clock/clock.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../src/platform/event-store/event-store.js';
import { logEnd } from '../src/platform/event-store/log-end.js';
import { ownCpuMs } from './machine.js';
import { startEventStore } from './server-process.js';
import { machineLine } from './system.js';

/**
 * The projections of work folded live while the log is written, then rebuilt from it beside the live tables, all from
 * one reading of the log; then both compared row by row.
 */

const HELP = 'Usage: npm run bench:rebuild -- [--events 20000] [--appends 32]';
const PROJECTIONS: readonly Projection[] = [tasks, notifications, activities, projects, keys];
const REBUILT = 2;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    appends: { type: 'string', default: '32' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const dir = await mkdtemp(join(tmpdir(), 'mc-bench-'));
const postgres = await startPostgres({ dir: join(dir, 'postgres') });
const node = await startEventStore(join(dir, 'log'));
const store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
const connect = connector(postgres.url, 'bench');
try {
  console.log(machineLine());
  await withClient(connect, (client) => migrate(client, allMigrations));
  const count = Math.ceil(Number(values.events) / EVENTS_A_TASK);
  await foldLive(store, connect, () => fill(store, count, Number(values.appends)));
  const started = performance.now();
  const ownCpu = ownCpuMs();
  await rebuild({
    store,
    connect,
    versions: PROJECTIONS.map((projection) => ({ projection, version: REBUILT })),
    logger: quietLogger,
    registry: new Registry(),
    onProgress: ({ events: done, eventsPerSecond }) => console.log(`  ${done} events, ${eventsPerSecond} a second`),
  });
  const seconds = (performance.now() - started) / 1_000;
  const events = count * EVENTS_A_TASK;
  console.log(
    `all: ${seconds.toFixed(1)} s for ${events} events, ` +
      `${((seconds * 1_000_000) / events).toFixed(0)} s for 1,000,000 (target 180), ` +
      `${(((ownCpuMs() - ownCpu) * 1_000) / events).toFixed(0)} µs of Node CPU an event`,
  );
  const differences = await withDifferences(connect);
  console.log(differences.length === 0 ? 'every table equals the live one' : `DIFFERENT: ${differences.join(', ')}`);
  if (differences.length > 0) process.exitCode = 1;
} finally {
  await store.close();
  await node.end('SIGTERM');
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}

async function fill(log: EventStore, count: number, atOnce: number): Promise<void> {
  const started = performance.now();
  let next = 1;
  const writeOn = async (): Promise<void> => {
    while (next <= count) await write(log, next++);
  };
  await Promise.all(Array.from({ length: atOnce }, writeOn));
  const seconds = (performance.now() - started) / 1_000;
  console.log(`written: ${((count * EVENTS_A_TASK) / seconds).toFixed(0)} events a second`);
}

async function write(log: EventStore, taskId: number): Promise<void> {
  const streams = new Map<string, Parameters<EventStore['append']>[1][number][]>();
  for (const { stream, event } of workOf(taskId)) {
    const events = streams.get(stream);
    if (events === undefined) streams.set(stream, [event]);
    else events.push(event);
  }
  for (const [stream, events] of streams) await log.append(stream, events, 'any');
}

async function foldLive(log: EventStore, connectTo: Connect, work: () => Promise<void>): Promise<void> {
  const engine = new ProjectionEngine({
    store: log,
    connect: connectTo,
    projections: PROJECTIONS,
    logger: quietLogger,
    registry: new Registry(),
    clock: new SystemClock(),
  });
  engine.start();
  try {
    await work();
    const started = performance.now();
    while (!(await isCaughtUp(log, connectTo))) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    console.log(`live: caught up ${((performance.now() - started) / 1_000).toFixed(1)} s after the last write`);
  } finally {
    await engine.stop();
  }
}

async function isCaughtUp(log: EventStore, connectTo: Connect): Promise<boolean> {
  const { commit: head } = await logEnd(log);
  return withClient(connectTo, async (client) => {
    const { rows } = await client.query(
      'select 1 from projection_progress where projection = any($1) and commit_position < $2',
      [PROJECTIONS.map(({ name }) => name), head],
    );
    return rows.length === 0;
  });
}

async function withDifferences(connectTo: Connect): Promise<readonly string[]> {
  const different: string[] = [];
  await withClient(connectTo, async (client) => {
    for (const { view } of PROJECTIONS.flatMap(({ tables }) => tables.list)) {
      const [live, rebuilt] = [1, REBUILT].map((version) => `select t::text from ${tableName(view, version)} t`);
      const { rows } = await client.query(
        `((${live} except ${rebuilt}) union all (${rebuilt} except ${live})) limit 1`,
      );
      if (rows.length > 0) different.push(view);
    }
  });
  return different;
}
