/**
 * The figures of the embedded event store, as a child process, through the official client: `npm run bench:store`.
 * `--quick` for a short form. MC_BENCH_RUNS (3), MC_BENCH_EVENTS (100000): events in the store of the restart.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { START } from '@eventstore/db-client';
import {
  bulkAppends,
  catchUp,
  client,
  concurrentAppends,
  deliveries,
  sequentialAppends,
  type Cpu,
} from './event-store-figures.js';
import { killUnderLoad } from './event-store-kill.js';
import { fdatasyncMs, machine } from './machine.js';
import { startEventStore, startNoOpServer } from './server-process.js';
import { medianAndRange, percentile } from './statistics.js';

const quick = process.argv.includes('--quick');
const runs = Math.max(1, Number(process.env['MC_BENCH_RUNS'] ?? 3));
const restartEvents = Number(process.env['MC_BENCH_EVENTS'] ?? (quick ? 20_000 : 100_000));
const size = quick
  ? { sequential: 150, seconds: 1, bulk: 5, deliveries: 100, kill: 300 }
  : { sequential: 1_000, seconds: 4, bulk: 25, deliveries: 400, kill: 3_000 };

const figures = new Map<string, { runs: number[]; digits: number; cpu: Cpu[] }>();

function note(name: string, value: number, digits: number, cpu?: Cpu): void {
  const figure = figures.get(name) ?? { runs: [], digits, cpu: [] };
  figure.runs.push(value);
  if (cpu !== undefined) figure.cpu.push(cpu);
  figures.set(name, figure);
}

async function oneRun(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'mc-bench-'));
  const server = await startEventStore(join(dir, 'store'));
  const noOp = await startNoOpServer();
  try {
    await sequentialAppends(server, 50);
    await concurrentAppends(noOp, 64, 0.3);

    const sync = await fdatasyncMs(dir, quick ? 100 : 400);
    const syncMs = percentile(sync, 0.5);
    note('fdatasync of 512 bytes, p50 ms', syncMs, 3);
    note('fdatasync of 512 bytes, p99 ms', percentile(sync, 0.99), 3);

    const sequential = await sequentialAppends(server, size.sequential);
    const appendMs = percentile(sequential.ms, 0.5);
    note('sequential append, p50 ms', appendMs, 3, sequential.cpu);
    note('sequential append, p99 ms', percentile(sequential.ms, 0.99), 3);
    note('sequential append p50 / fdatasync p50', appendMs / syncMs, 2);

    const noOpRate = await concurrentAppends(noOp, 64, size.seconds);
    const rate = await concurrentAppends(server, 64, size.seconds);
    note('64 concurrent appends, appends/s', rate.perSecond, 0, rate.cpu);
    note('64 concurrent appends, no-op server, appends/s', noOpRate.perSecond, 0, noOpRate.cpu);
    note('64 concurrent appends / no-op server', rate.perSecond / noOpRate.perSecond, 2);

    const stream = `caughtup${Date.now()}`;
    const bulk = await bulkAppends(server, size.bulk, stream);
    note('bulk appends of 1,000, events/s', bulk.perSecond, 0, bulk.cpu);
    const delivered = await catchUp(server, stream, await beforeStream(stream), size.bulk * 1000);
    note('catch-up subscription, events/s', delivered.perSecond, 0, delivered.cpu);

    const delivery = await deliveries(server, size.deliveries);
    note('append to subscriber from the call, p50 ms', percentile(delivery.fromCallMs, 0.5), 3);
    note('append to subscriber from the call, p99 ms', percentile(delivery.fromCallMs, 0.99), 3);
    note('append to subscriber from the answer, p50 ms', percentile(delivery.fromAnswerMs, 0.5), 3);

    const { acknowledged, lost, duplicated, gaps } = await killUnderLoad(join(dir, 'killed'), size.kill);
    note('kill -9 under load, acknowledged', acknowledged, 0);
    note('kill -9 under load, lost', lost, 0);
    note('kill -9 under load, duplicated', duplicated, 0);
    note('kill -9 under load, revision gaps', gaps, 0);
  } finally {
    await noOp.end('SIGTERM');
    await server.end('SIGTERM');
    await rm(dir, { recursive: true, force: true });
  }

  /** The position of the stream's first event: the catch-up reads the stream's part of the log only. */
  async function beforeStream(stream: string): Promise<{ commit: bigint; prepare: bigint } | typeof START> {
    const reader = client(server);
    let position: { commit: bigint; prepare: bigint } | undefined;
    for await (const { event } of reader.readStream(stream, { maxCount: 1 })) position = event?.position;
    await reader.dispose();
    return position === undefined ? START : { commit: position.commit, prepare: 0n };
  }
}

async function restarts(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'mc-bench-restart-'));
  try {
    for (let run = 0; run < runs; run++) {
      const empty = await startEventStore(join(dir, `empty-${run}`));
      note('start on an empty store, ms to ready', empty.readyMs, 0);
      await empty.end('SIGTERM');
    }
    const filling = await startEventStore(join(dir, 'full'));
    for (let at = 0; at < restartEvents; at += 50_000) {
      await bulkAppends(filling, Math.min(50, Math.ceil((restartEvents - at) / 1000)));
    }
    await filling.end('SIGKILL');
    for (let run = 0; run < runs; run++) {
      const full = await startEventStore(join(dir, 'full'));
      note(`start with ${restartEvents.toLocaleString('en')} events, ms to ready`, full.readyMs, 0);
      await full.end('SIGTERM');
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function print(): void {
  console.log(`${machine()}\nclient @eventstore/db-client, store as a child process, ${runs} runs, median [range]\n`);
  for (const [name, figure] of figures) {
    const cpu = (of: (each: Cpu) => number): string => medianAndRange(figure.cpu.map(of), 0);
    const costs =
      figure.cpu.length === 0
        ? ''
        : `   CPU µs each: client ${cpu((each) => each.clientUs)}, server ${cpu((each) => each.serverUs)}`;
    console.log(`${name.padEnd(52)} ${medianAndRange(figure.runs, figure.digits)}${costs}`);
  }
}

console.log(machine());
for (let run = 0; run < runs; run++) {
  await oneRun();
  console.log(`run ${run + 1} of ${runs} done`);
}
await restarts();
print();
