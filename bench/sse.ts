/**
 * Event streams of the whole system, real HTTP in and out: `npm run bench:sse`. `--quick` for a short form.
 * BENCH_RUNS (3), BENCH_CLIENTS (5000).
 *
 * From the moment a token report is sent to the moment its frame is read by each listener: request, decision, durable
 * append, tail, write and the reading of one client process are all in it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadConnection, requestBytes } from './load-client.js';
import { cpuMsOf, machine } from './machine.js';
import { processTree } from './process-tree.js';
import { instantMs, type ListenerAnswer, type ListenerOrder } from './sse-listeners.js';
import { medianAndRange, percentile } from './statistics.js';
import { BENCH_KEY, startSystem } from './system.js';

const quick = process.argv.includes('--quick');
const RUNS = Number(process.env['BENCH_RUNS'] ?? (quick ? 1 : 3));
const CLIENTS = Number(process.env['BENCH_CLIENTS'] ?? (quick ? 500 : 5_000));
const EVENTS = quick ? 50 : 300;
const BROADCASTS = quick ? 5 : 15;
const BOUND_MS = 30_000;

class Listeners {
  readonly #child = fork(fileURLToPath(new URL('./sse-listeners.js', import.meta.url)), { stdio: 'inherit' });

  async open(port: number, count: number): Promise<number> {
    const answer = await this.#ask({ kind: 'open', port, count, key: BENCH_KEY });
    return answer.kind === 'opened' ? answer.ms : Number.NaN;
  }

  /** All that has come, once it is at least so many. */
  async latencies(atLeast: number): Promise<number[]> {
    const all: number[] = [];
    const end = performance.now() + BOUND_MS;
    while (all.length < atLeast) {
      if (performance.now() > end) throw new Error(`${all.length} of ${atLeast} frames came within ${BOUND_MS} ms`);
      const answer = await this.#ask({ kind: 'report' });
      if (answer.kind === 'report') for (const latency of answer.latenciesMs) all.push(latency);
      if (all.length < atLeast) await pause(20);
    }
    return all;
  }

  async close(): Promise<void> {
    await this.#ask({ kind: 'close' });
  }

  end(): void {
    this.#child.disconnect();
  }

  async #ask(order: ListenerOrder): Promise<ListenerAnswer> {
    this.#child.send(order);
    const [answer] = (await once(this.#child, 'message')) as [ListenerAnswer];
    return answer;
  }
}

interface Broadcast {
  readonly latenciesMs: readonly number[];
  readonly cpuMsPerEvent: number;
}

/** Single events, each after the one before has reached everybody. */
async function broadcasts(
  listeners: Listeners,
  count: number,
  events: number,
  pid: number,
  emit: () => Promise<number>,
): Promise<Broadcast> {
  const latenciesMs: number[] = [];
  const before = await cpuMsOf(pid);
  for (let event = 0; event < events; event++) {
    const status = await emit();
    if (status !== 200) throw new Error(`a report was answered with ${status}`);
    for (const latency of await listeners.latencies(count)) latenciesMs.push(latency);
    await pause(120);
  }
  return { latenciesMs, cpuMsPerEvent: ((await cpuMsOf(pid)) - before) / events };
}

function rssMb(pid: number): number {
  return processTree(pid).find((each) => each.pid === pid)?.rssMb ?? Number.NaN;
}

const figures = new Map<string, { runs: number[]; digits: number }>();

function note(name: string, value: number, digits = 1): void {
  const figure = figures.get(name) ?? { runs: [], digits };
  figure.runs.push(value);
  figures.set(name, figure);
}

async function startBare(): Promise<{ child: ChildProcess; port: number; pid: number }> {
  const child = fork(fileURLToPath(new URL('./bare-event-stream.js', import.meta.url)));
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, port: Number(new URL(url).port), pid: child.pid ?? 0 };
}

/** Gives the status of each report. */
function reporter(connection: LoadConnection): () => Promise<number> {
  let serial = 0;
  return async () => {
    serial += 1;
    const report = JSON.stringify({
      eventId: `${Math.random().toString(36).slice(2)}-${serial}`,
      model: 'claude-sonnet-4',
      sessionId: `bench:@${instantMs().toFixed(3)}~`,
      inputTokens: serial,
      outputTokens: serial,
    });
    return connection.send(requestBytes('POST', '/api/tokens', BENCH_KEY, report));
  };
}

/** Until reports are taken (a system that has just started may say 503), and a few more. */
async function warmUp(report: () => Promise<number>): Promise<void> {
  const end = performance.now() + BOUND_MS;
  for (let taken = 0; taken < 20;) {
    if ((await report()) === 200) taken += 1;
    else if (performance.now() > end) throw new Error(`no report was taken within ${BOUND_MS} ms`);
    else await pause(100);
  }
}

async function oneRun(): Promise<void> {
  const system = await startSystem({
    MC_STREAMS_PER_KEY: String(CLIENTS * 2),
    MC_STREAMS_PER_PROCESS: String(CLIENTS * 2),
  });
  const bare = await startBare();
  const listeners = new Listeners();
  try {
    const connection = await LoadConnection.open(system.port);
    const report = reporter(connection);
    await warmUp(report);

    await listeners.open(system.port, 100);
    const api = holderOfStreams(system.pid);
    const hundred = await broadcasts(listeners, 100, EVENTS, api, report);
    note('100 listeners, append to frame, p50 ms', percentile(hundred.latenciesMs, 0.5));
    note('100 listeners, append to frame, p99 ms (target 50)', percentile(hundred.latenciesMs, 0.99));
    await listeners.close();
    await pause(500);

    const before = rssMb(api);
    note(`${CLIENTS} listeners, connect all, ms`, await listeners.open(system.port, CLIENTS), 0);
    await pause(1_000);
    note(`${CLIENTS} listeners, RSS each, KB (target 20)`, ((rssMb(api) - before) * 1_024) / CLIENTS);
    const all = await broadcasts(listeners, CLIENTS, BROADCASTS, api, report);
    note(`${CLIENTS} listeners, one event to all, p50 ms`, percentile(all.latenciesMs, 0.5));
    note(`${CLIENTS} listeners, one event to all, p99 ms (target 250)`, percentile(all.latenciesMs, 0.99));
    note(`${CLIENTS} listeners, CPU a frame, us`, (all.cpuMsPerEvent * 1_000) / CLIENTS);
    await listeners.close();

    await listeners.open(bare.port, CLIENTS);
    const emitBare = () => {
      bare.child.send(instantMs().toFixed(3));
      return Promise.resolve(200);
    };
    const floor = await broadcasts(listeners, CLIENTS, BROADCASTS, bare.pid, emitBare);
    await listeners.close();
    note(`${CLIENTS} listeners, bare http, p99 ms`, percentile(floor.latenciesMs, 0.99));
    note(`${CLIENTS} listeners, bare http, CPU a frame, us`, (floor.cpuMsPerEvent * 1_000) / CLIENTS);
    note('writes per CPU second / bare http (target 0.5)', floor.cpuMsPerEvent / all.cpuMsPerEvent, 2);
    connection.close();
  } finally {
    listeners.end();
    bare.child.disconnect();
    await system.stop();
  }
}

/** The process that holds the streams: of all below the supervisor the one with the most open files. */
function holderOfStreams(root: number): number {
  const [first] = processTree(root)
    .map(({ pid }) => ({ pid, files: readdirSync(`/proc/${pid}/fd`).length }))
    .sort((a, b) => b.files - a.files);
  if (first === undefined) throw new Error('found no process of the system');
  return first.pid;
}

console.log(machine());
for (let run = 0; run < RUNS; run++) await oneRun();
for (const [name, { runs, digits }] of figures) console.log(`${name.padEnd(62)} ${medianAndRange(runs, digits)}`);
