import { LoadConnection, quantile, requestBytes } from './load-client.js';
import { processTree, totalCpuSeconds } from './process-tree.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const AGENTS = Number(process.env['BENCH_AGENTS'] ?? 64);
const TASKS = Number(process.env['BENCH_TASKS'] ?? 1_000);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
/** As many as one agent may hold at most. */
const CAPACITY = 20;
const CREATORS = 16;

interface Race {
  readonly seconds: number;
  readonly claimed: readonly number[];
  readonly latencies: readonly number[];
  readonly statuses: Readonly<Record<number, number>>;
}

interface Poll {
  readonly reason: string;
  readonly task: { readonly id: number } | null;
}

const system = await startSystem({ API_WORKERS: '2' });
try {
  console.log(machineLine());
  // The programs run for weeks, not for seconds: what they do the first time is not measured.
  await connected(CREATORS, (connections) => create(connections, TASKS));
  const warmedUpWith = await connected(AGENTS, (connections) => race(connections, 0));
  await connected(1, (connections) => finish(connections, warmedUpWith.claimed));
  for (let run = 1; run <= RUNS; run += 1) {
    await connected(CREATORS, (connections) => create(connections, TASKS));
    const intentsBefore = await intents();
    const before = processTree(process.pid);
    const { seconds, claimed, latencies, statuses } = await connected(AGENTS, (connections) => race(connections, run));
    const after = processTree(process.pid);
    const cpuUs = ((totalCpuSeconds(after) - totalCpuSeconds(before)) * 1e6) / claimed.length;
    const lost = (await intents()) - intentsBefore - claimed.length;
    const failures = Object.entries(statuses).flatMap(([status, count]) => (Number(status) >= 500 ? [count] : []));
    console.log(
      `run ${run}: ${(claimed.length / seconds).toFixed(0)} claims/s (target 500), ` +
        `${claimed.length} of ${TASKS} claimed, ${claimed.length - new Set(claimed).size} twice, ` +
        `${failures.reduce((sum, count) => sum + count, 0)} answers 5xx, p50 ${quantile(latencies, 0.5).toFixed(1)} ms, ` +
        `p99 ${quantile(latencies, 0.99).toFixed(1)} ms, CPU ${cpuUs.toFixed(0)} us a claim, ` +
        `${lost} races lost to the other process, ` +
        `statuses ${JSON.stringify(statuses)}`,
    );
    for (const each of after) {
      const earlier = before.find(({ pid }) => pid === each.pid);
      const us = ((each.cpuSeconds - (earlier?.cpuSeconds ?? 0)) * 1e6) / claimed.length;
      if (us >= 1) console.log(`  ${each.name.padEnd(32)} ${us.toFixed(0).padStart(6)} us a claim`);
    }
    await connected(1, (connections) => finish(connections, claimed));
  }
} finally {
  await system.stop();
}

/** How often a poll was about to take a task, so far. */
async function intents(): Promise<number> {
  const response = await fetch(
    `http://127.0.0.1:${system.port}/api/audit/events?type=ClaimIntended&format=ndjson&limit=10000`,
    { headers: { 'x-api-key': BENCH_KEY } },
  );
  return (await response.text()).split('\n').filter((line) => line.includes('"type":"ClaimIntended"')).length;
}

async function connected<T>(count: number, use: (connections: readonly LoadConnection[]) => Promise<T>): Promise<T> {
  const connections = await Promise.all(Array.from({ length: count }, () => LoadConnection.open(system.port)));
  const result = await use(connections);
  for (const connection of connections) connection.close();
  return result;
}

/** Every agent polls until there is nothing to take any more. */
async function race(connections: readonly LoadConnection[], run: number): Promise<Race> {
  const claimed: number[] = [];
  const latencies: number[] = [];
  const statuses: Record<number, number> = {};
  const startedAt = performance.now();
  let lastClaimAt = startedAt;
  await Promise.all(
    connections.map(async (connection, index) => {
      const path = `/api/tasks/queue?agent=racer-${run}-${index}&max_capacity=${CAPACITY}`;
      const request = requestBytes('GET', path, BENCH_KEY, '');
      for (let now = performance.now(); ;) {
        const status = await connection.send(request);
        const answeredAt = performance.now();
        latencies.push(answeredAt - now);
        statuses[status] = (statuses[status] ?? 0) + 1;
        now = answeredAt;
        if (status !== 200) continue;
        const { reason, task } = JSON.parse(connection.body.toString()) as Poll;
        if (reason !== 'assigned' || task === null) return;
        claimed.push(task.id);
        lastClaimAt = answeredAt;
      }
    }),
  );
  latencies.sort((a, b) => a - b);
  return { seconds: (lastClaimAt - startedAt) / 1_000, claimed, latencies, statuses };
}

async function create(connections: readonly LoadConnection[], count: number): Promise<void> {
  const request = requestBytes('POST', '/api/tasks', BENCH_KEY, JSON.stringify({ title: 'A task to claim' }));
  let left = count;
  await Promise.all(
    connections.map(async (connection) => {
      while (left > 0) {
        left -= 1;
        const status = await connection.send(request);
        if (status !== 201) throw new Error(`creating a task was answered with ${status}`);
      }
    }),
  );
}

/** Takes the tasks out of their agents' hands, so that the next run begins like this one. */
async function finish([connection]: readonly LoadConnection[], taskIds: readonly number[]): Promise<void> {
  for (let from = 0; from < taskIds.length; from += 100) {
    const tasks = taskIds.slice(from, from + 100).map((id) => ({ id, status: 'review' }));
    await connection?.send(requestBytes('PUT', '/api/tasks', BENCH_KEY, JSON.stringify({ tasks })));
  }
}
