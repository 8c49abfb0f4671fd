/**
 * Agents that die with tasks in their hands: `npm run bench:leases`. How long after the end of its lease each task is back
 * in the queue, by the times of the facts; whether each came back once; and whether the dead agents' late completions are
 * refused. Ends with 1 when one of the last two does not hold.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { percentile } from './statistics.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const TASKS = Number(process.env['BENCH_TASKS'] ?? 200);
const LEASE_SECONDS = 3;
const TARGET_MS = 1_000;
const BOUND_MS = (LEASE_SECONDS + 30) * 1_000;

interface Fact {
  readonly type: string;
  readonly data: { readonly taskId: number; readonly leaseId: string };
  readonly recordedAt: string;
}

const system = await startSystem({ API_WORKERS: '2', MC_TASK_LEASE: String(LEASE_SECONDS) });
try {
  console.log(machineLine());
  const agents = Array.from({ length: TASKS }, (_, index) => `mortal-${index}`);
  for (const agent of agents) await call('POST', '/api/tasks', { title: `Work of ${agent}`, assigned_to: agent });
  const held = await Promise.all(agents.map(claimed));

  const expiries = await untilAllExpired();
  const claims = new Map((await facts('TaskClaimed')).map((fact) => [fact.data.leaseId, fact]));
  const late = expiries.map(({ data, recordedAt }) => {
    const claim = claims.get(data.leaseId);
    if (claim === undefined) throw new Error(`nobody claimed what ended with lease ${data.leaseId}`);
    return Date.parse(recordedAt) - Date.parse(claim.recordedAt) - LEASE_SECONDS * 1_000;
  });
  late.sort((a, b) => a - b);
  const isOnceEach = new Set(expiries.map(({ data }) => data.taskId)).size === expiries.length;
  console.log(
    `${expiries.length} of ${TASKS} tasks back after a lease of ${LEASE_SECONDS} s, ` +
      `${isOnceEach ? 'each once' : 'SOME TWICE'}: ` +
      `p50 ${percentile(late, 0.5)} ms after its end, most ${late.at(-1) ?? 0} ms (target ${TARGET_MS})`,
  );

  const answers = await Promise.all(
    held.map(({ taskId, leaseId }) => call('PUT', `/api/tasks/${taskId}`, { status: 'done', lease_id: leaseId })),
  );
  const refused = answers.filter(({ status }) => status === 409).length;
  console.log(`${refused} of ${TASKS} late completions refused`);
  if (!isOnceEach || refused !== TASKS) process.exitCode = 1;
} finally {
  await system.stop();
}

async function claimed(agent: string): Promise<{ readonly taskId: number; readonly leaseId: string }> {
  const { body } = await call('GET', `/api/tasks/queue?agent=${agent}`);
  const { task, lease_id: leaseId } = body as { task: { id: number } | null; lease_id: string | null };
  if (task === null || leaseId === null) throw new Error(`${agent} got no task`);
  return { taskId: task.id, leaseId };
}

async function untilAllExpired(): Promise<readonly Fact[]> {
  for (const until = performance.now() + BOUND_MS; ;) {
    const found = await facts('TaskLeaseExpired');
    if (found.length >= TASKS || performance.now() > until) return found;
    await pause(500);
  }
}

async function facts(type: string): Promise<readonly Fact[]> {
  const path = `/api/audit/events?type=${type}&format=ndjson&limit=10000`;
  const response = await fetch(`http://127.0.0.1:${system.port}${path}`, { headers: { 'x-api-key': BENCH_KEY } });
  const lines = (await response.text()).split('\n').filter((line) => line.includes(`"type":"${type}"`));
  return lines.map((line) => JSON.parse(line) as Fact);
}

async function call(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${system.port}${path}`, {
    method,
    headers: { 'x-api-key': BENCH_KEY, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}
