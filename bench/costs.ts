import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Client } from 'pg';
import { Registry } from 'prom-client';
import { startPostgres } from '../embedded/postgres/index.js';
import { allMigrations } from '../projections/all.migrations.js';
import { costProjection } from '../projections/cost/cost.projection.js';
import { invariants } from '../projections/cost/invariants.queries.js';
import { type Connect, connector, withClient } from '../projections/engine/database.js';
import { quietLogger } from '../projections/engine/logger.js';
import { engineMetrics } from '../projections/engine/metrics.js';
import { migrate } from '../projections/engine/migrations.js';
import { rebuild } from '../projections/engine/rebuild.js';
import { ProjectionWorker } from '../projections/engine/worker.js';
import { allEventContracts } from '../src/all.events.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import { comparePositions } from '../src/platform/event-store/position.js';
import type { StoredEvent } from '../src/platform/event-store/stored-event.js';
import { generateUsage } from './cost-generator.js';
import { benchBook, benchRevision, benchReport } from './cost-history.js';
import type { Ask, Asked } from './cost-client.js';
import { questions } from './cost-questions.js';
import { startLogNode } from './log-node.js';
import { machine, ownCpuMs } from './machine.js';
import { percentile } from './statistics.js';

/** The books of cost at size: what a dashboard asks, the projector catching up, re-pricing, and a rebuild. */

const HELP = `Usage: npm run bench:costs -- [--rows 1000000] [--runs 25] [--clients 4] [--ingest 200000] [--reprice 100000]
                            [--rebuild 100000] [--zones Asia/Kolkata,America/New_York,Europe/Berlin] [--database <url>]

  --rows      reports that the tables are filled with before anything is asked; 0: those of --database as they are
  --runs      times that each client asks each question; reports that are no dashboard's are asked a tenth as often;
              0: none
  --ingest    further reports that the projector folds, in catch-up; 0: none
  --reprice   about how many reports are priced anew; 0: none
  --rebuild   reports of a log that the projection is rebuilt from; 0: none
  --quick     a run of seconds over few reports, to see that everything still runs: its figures say nothing`;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '25' },
    clients: { type: 'string', default: '4' },
    ingest: { type: 'string', default: '200000' },
    reprice: { type: 'string', default: '100000' },
    rebuild: { type: 'string', default: '100000' },
    zones: { type: 'string', default: 'Asia/Kolkata,America/New_York,Europe/Berlin' },
    database: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const size = values.quick
  ? { rows: 5_000, runs: 1, ingest: 2_000, rebuild: 2_000, toReprice: 100 }
  : {
      rows: Number(values.rows),
      runs: Number(values.runs),
      ingest: Number(values.ingest),
      rebuild: Number(values.rebuild),
      toReprice: Number(values.reprice),
    };
const cost = costProjection(values.zones.split(','));
const dir = await mkdtemp(join(tmpdir(), 'mc-bench-'));
const postgres = values.database === undefined ? await startPostgres({ dir: join(dir, 'postgres') }) : undefined;
const databaseUrl = values.database ?? postgres?.url ?? '';
const connect = connector(databaseUrl, 'bench');
try {
  console.log(machine());
  if (size.rows > 0) {
    await reset(connect);
    await fold([benchBook()]);
    await generate();
  }
  if (size.runs > 0) await askAll(Number(values.clients), size.runs);
  if (size.ingest > 0) await ingest(size.ingest);
  if (size.toReprice > 0) await reprice();
  if (size.rows + size.ingest + size.toReprice > 0) await checkInvariants();
  if (size.rebuild > 0) await rebuildFromLog(size.rebuild);
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

async function generate(): Promise<void> {
  const started = performance.now();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await generateUsage(client, size.rows, (line) => console.log(line));
    const { rows } = await client.query<{ line: string }>(
      `select string_agg(t || ' ' || n || ' rows ' || pg_size_pretty(pg_total_relation_size((t || '_v1')::regclass)), ', ') as line
         from (values ('usage_event', (select count(*) from usage_event)), ('cost_hour', (select count(*) from cost_hour)),
                      ('cost_hour_model', (select count(*) from cost_hour_model)),
                      ('cost_day', (select count(*) from cost_day)), ('cost_session', (select count(*) from cost_session)),
                      ('cost_task', (select count(*) from cost_task))) as s (t, n)`,
    );
    console.log(`${size.rows} reports made in ${seconds(started)}: ${rows[0]?.line}`);
  } finally {
    await client.end();
  }
}

/**
 * Twice: every client in an order of its own, as dashboards do, and then all of them the same question at the same time,
 * which is the worst that they can do. Nobody pauses.
 */
async function askAll(clients: number, runs: number): Promise<void> {
  const workers = Array.from(
    { length: clients },
    () => new Worker(new URL('cost-client.js', import.meta.url), { workerData: databaseUrl }),
  );
  const dashboard = questions.filter(({ isDashboard }) => isDashboard);
  const all = dashboard.map(({ name }) => name);
  for (const { name } of dashboard) await Promise.all(workers.map((worker) => ask(worker, { names: [name], runs: 2 })));
  const mixed = await together(workers.map((worker, at) => ask(worker, { names: shuffled(all, at), runs })));
  console.log(
    `${clients} clients, each question ${runs} times by each; ms of different ones at once, and of the same:`,
  );
  console.log(
    `  ${''.padEnd(44)} ${'p50'.padStart(7)} ${'p95'.padStart(7)}  ${'p50'.padStart(7)} ${'p95'.padStart(7)}`,
  );
  for (const { name, isDashboard } of questions) {
    const often = isDashboard ? runs : Math.ceil(runs / 10);
    const same = await together(workers.map((worker) => ask(worker, { names: [name], runs: often })));
    const figures = [mixed, same].map((times) => shown(times.get(name)));
    console.log(`  ${name.padEnd(44)} ${figures.join('  ')}${isDashboard ? '  (target 50)' : ''}`);
  }
  for (const worker of workers) await worker.terminate();
}

async function ask(worker: Worker, asked: Ask): Promise<Asked> {
  const answer = once(worker, 'message') as Promise<[Asked]>;
  worker.postMessage(asked, []);
  const [times] = await answer;
  return times;
}

/** What several clients measured, by question. */
async function together(clients: readonly Promise<Asked>[]): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>();
  for (const [name, ofClient] of (await Promise.all(clients)).flat()) {
    times.set(name, [...(times.get(name) ?? []), ...ofClient]);
  }
  return times;
}

function shown(times: readonly number[] | undefined): string {
  if (times === undefined) return ''.padEnd(15);
  return [0.5, 0.95].map((share) => percentile(times, share).toFixed(1).padStart(7)).join(' ');
}

/** An order of its own for each client, the same in every run. */
function shuffled(names: readonly string[], client: number): readonly string[] {
  const place = (index: number) => ((index + 1) * (client * 2 + 7) * 31) % 101;
  return [...names.keys()].sort((a, b) => place(a) - place(b)).flatMap((index) => names[index] ?? []);
}

/** Runs the projector over events until they are folded and nothing is left to do. */
async function fold(events: readonly StoredEvent[]): Promise<void> {
  const worker = new ProjectionWorker(cost, 1, connect, quietLogger, engineMetrics(new Registry()), { mode: 'live' });
  await worker.open();
  const run = worker.run();
  for (let from = 0; from < events.length; from += 1_000) {
    worker.offer(events.slice(from, from + 1_000));
    await worker.room();
  }
  const end = events.at(-1)?.position ?? { commit: -1n, prepare: -1n };
  for (;;) {
    const { checkpoint, hasBackgroundWork } = worker.status();
    if (!hasBackgroundWork && comparePositions(checkpoint.position, end) >= 0) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
  worker.stop();
  await run;
}

async function ingest(count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, index) => benchReport(index, 10_000_000));
  const cpu = ownCpuMs();
  const started = performance.now();
  await fold(events);
  const ms = performance.now() - started;
  console.log(
    `catch-up with all rollups: ${((count * 1_000) / ms).toFixed(0)} reports/s (target 8000), ` +
      `${(((ownCpuMs() - cpu) * 1_000) / count).toFixed(1)} µs of Node CPU a report`,
  );
}

/** Another price for one model, from an instant on after which about so many reports of it lie. */
async function reprice(): Promise<void> {
  const revision = await withClient(connect, async (client) => {
    const { rows } = await client.query<{ model: string; at: Date | null }>(
      `select model, (select occurred_at from usage_event u where u.model = m.model
                       order by occurred_ms desc offset ${size.toReprice - 1} limit 1) as at
         from (select model, sum(requests) as n from cost_day_model where zone = 'UTC' and rate_id > 0 group by model) m
        order by n desc limit 1`,
    );
    const books = await client.query<{ next: number }>('select max(book_version) + 1 as next from price_book');
    const next = books.rows[0]?.next ?? 2;
    return benchRevision(next, rows[0]?.model ?? '', rows[0]?.at ?? new Date('2025-06-01T00:00:00.000Z'));
  });
  const started = performance.now();
  await fold([revision]);
  const took = seconds(started);
  const { rows } = await withClient(connect, (client) =>
    client.query<{ rows_done: string }>('select rows_done from repricing order by book_version desc limit 1'),
  );
  console.log(`${rows[0]?.rows_done} reports priced anew in ${took} (target 5 s for ${size.toReprice})`);
}

async function checkInvariants(): Promise<void> {
  const started = performance.now();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read');
    const checks = await invariants(
      { query: async (text, bound = []) => (await client.query(text, [...bound])).rows },
      1,
    );
    const failed = checks.filter(({ holds }) => !holds).map(({ name }) => name);
    console.log(
      `invariants: ${failed.length === 0 ? 'all hold' : `BROKEN ${failed.join(', ')}`}, in ${seconds(started)}`,
    );
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    await client.end();
  }
}

async function rebuildFromLog(count: number): Promise<void> {
  await reset(connect);
  const node = await startLogNode(join(dir, 'log'));
  const store = new EventStoreGateway({ url: node.url, registry: new EventRegistry(allEventContracts) });
  try {
    const filled = performance.now();
    await store.append('prices-main', [benchBook()], 'any');
    for (let from = 0; from < count; from += 500) {
      const events = Array.from({ length: Math.min(500, count - from) }, (_, index) =>
        benchReport(from + index, count),
      );
      await store.append(`usage-${(from / 500) % 16}`, events, 'any');
    }
    console.log(`${count} reports appended to a log in ${seconds(filled)}`);
    const started = performance.now();
    await rebuild({
      store,
      connect,
      versions: [{ projection: cost, version: 2 }],
      logger: quietLogger,
      registry: new Registry(),
    });
    const ms = performance.now() - started;
    console.log(
      `rebuild of ${count} reports, indexes included: ${seconds(started)}, ${((count * 1_000) / ms).toFixed(0)} a second ` +
        '(target: a million in 120 s)',
    );
  } finally {
    await store.close();
    node.child.kill('SIGTERM');
  }
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1_000).toFixed(1)} s`;
}
