import { closedLoop, LoadConnection, requestBytes } from './load-client.js';
import { processTree, totalCpuSeconds } from './process-tree.js';
import { percentile } from './statistics.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const CONNECTIONS = Number(process.env['BENCH_CONNECTIONS'] ?? 32);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const TASKS = Number(process.env['BENCH_TASKS'] ?? 100_000);
const READS = Number(process.env['BENCH_READS'] ?? 200);

const statuses = ['backlog', 'inbox', 'awaiting_owner', 'in_progress', 'review', 'quality_review', 'failed'];
const priorities = ['critical', 'high', 'medium', 'low'];
let serial = 0;

function newTask(assigned: boolean): string {
  serial += 1;
  return JSON.stringify({
    title: `Task ${serial} of the bench`,
    description: 'What is to be done, where, and how anybody can tell that it was done. '.repeat(4),
    status: statuses[serial % statuses.length],
    priority: priorities[serial % priorities.length],
    ...(assigned ? { assigned_to: `bench-${serial % 50}` } : {}),
    project_id: projects[serial % projects.length],
    tags: ['bench', `t${serial % 10}`],
    metadata: { implementation_repo: 'acme/shop', code_location: 'src/login' },
  });
}

const create = (assigned: boolean, headers: Readonly<Record<string, string>> = {}) =>
  requestBytes('POST', '/api/tasks', BENCH_KEY, newTask(assigned), 'application/json', headers);

async function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${system.port}${path}`, {
    method,
    headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function newProject(name: string): Promise<number> {
  const response = await call('POST', '/api/projects', { name, ticket_prefix: name.toUpperCase() });
  return ((await response.json()) as { project: { id: number } }).project.id;
}

/** An assigned task causes a notification, and the answer waits for that too. */
async function measureCreation(connections: readonly LoadConnection[], assigned: boolean): Promise<void> {
  const label = assigned ? 'assigned' : 'to nobody';
  await closedLoop(connections, 3, () => create(assigned));
  for (let run = 1; run <= RUNS; run += 1) {
    const before = processTree(process.pid);
    const result = await closedLoop(connections, SECONDS, () => create(assigned));
    const after = processTree(process.pid);
    const cpuUs = ((totalCpuSeconds(after) - totalCpuSeconds(before)) * 1e6) / result.requests;
    console.log(
      `${label}, run ${run}: ${result.perSecond.toFixed(0)} tasks/s (target 800), p50 ${result.p50Ms.toFixed(1)} ms, ` +
        `p99 ${result.p99Ms.toFixed(1)} ms, CPU ${cpuUs.toFixed(0)} us a task, ` +
        `statuses ${JSON.stringify(result.statuses)}`,
    );
    for (const each of after) {
      const earlier = before.find(({ pid }) => pid === each.pid);
      const us = ((each.cpuSeconds - (earlier?.cpuSeconds ?? 0)) * 1e6) / result.requests;
      if (us >= 1) console.log(`  ${each.name.padEnd(32)} ${us.toFixed(0).padStart(6)} us a task`);
    }
  }
}

/** Up to as many tasks as the lists are to be taken from, without waiting for the read models. */
async function fill(connections: readonly LoadConnection[]): Promise<void> {
  const next = () => create(serial % 3 > 0, { prefer: 'respond-async' });
  for (let missing = TASKS - serial; missing > 0; missing = TASKS - serial) await closedLoop(connections, 5, next);
  const last = await call('POST', '/api/tasks', { title: 'The last one' });
  const path = `/api/tasks?limit=1&atLeast=${last.headers.get('x-mc-position')}`;
  while ((await call('GET', path)).status === 503) process.stdout.write('.');
  const { total } = (await (await call('GET', '/api/tasks?limit=1')).json()) as { total: number };
  console.log(`${total} tasks`);
}

async function measureLists(): Promise<void> {
  const filters = [
    '',
    'status=review',
    'priority=high',
    'assigned_to=bench-7',
    'assigned_to=nobody',
    `project_id=${projects[1]}`,
    'status=inbox&priority=critical',
    `status=review&assigned_to=bench-7&priority=low&project_id=${projects[0]}`,
    'offset=50000',
    'status=review&offset=10000',
  ];
  for (const filter of filters) {
    const samples: number[] = [];
    for (let read = 0; read < READS; read += 1) {
      const startedAt = performance.now();
      await (await call('GET', `/api/tasks?limit=50&${filter}`)).arrayBuffer();
      samples.push(performance.now() - startedAt);
    }
    const shown = filter === '' ? 'no filter' : filter;
    console.log(
      `list of 50, ${shown}: p50 ${percentile(samples, 0.5).toFixed(1)} ms, ` +
        `p95 ${percentile(samples, 0.95).toFixed(1)} ms (target 15)`,
    );
  }
}

const system = await startSystem();
let projects: readonly number[] = [];
try {
  console.log(machineLine());
  for (let agent = 0; agent < 50; agent += 1)
    await call('POST', '/api/agents', { name: `bench-${agent}`, role: 'dev' });
  projects = [await newProject('alpha'), await newProject('beta'), await newProject('gamma')];
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => LoadConnection.open(system.port)));
  await measureCreation(connections, false);
  await measureCreation(connections, true);
  await fill(connections);
  for (const connection of connections) connection.close();
  await measureLists();
} finally {
  await system.stop();
}
