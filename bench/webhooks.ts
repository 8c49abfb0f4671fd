/**
 * Messages to webhooks: `npm run bench:webhooks`. `--quick` for a short form.
 *
 * First how fast what is pending goes out: the endpoints are paused while the facts come to be, then enabled. Then the time
 * from a request to the receipt of its message under a steady load, alone and beside endpoints that are dead or drip.
 */
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { processTree, totalCpuSeconds, type ProcessFigures } from './process-tree.js';
import { percentile } from './statistics.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const quick = process.argv.includes('--quick');
const FACTS = Number(process.env['BENCH_FACTS'] ?? (quick ? 1_000 : 10_000));
const ENDPOINTS = Number(process.env['BENCH_ENDPOINTS'] ?? 20);
const TASKS = Number(process.env['BENCH_TASKS'] ?? (quick ? 50 : 150));
const TURNS = quick ? 1 : 3;
const TASKS_PER_SECOND = Number(process.env['BENCH_RATE'] ?? 10);
const BOUND_MS = 180_000;
/** Nobody listens there. */
const CLOSED_PORT = 19_999;

/** A fast receiver, and when each path got each message. */
interface Receiver {
  readonly port: number;
  readonly taken: Map<string, Map<string, number>>;
  close(): void;
}

const system = await startSystem({ MC_WEBHOOK_ALLOW: '127.0.0.1', MC_WEBHOOK_RATE: '10000' });
const receiver = await startReceiver();
const dripping = await startDripping();
try {
  console.log(machineLine());
  await drain('one endpoint', 1, FACTS);
  await drain(`${ENDPOINTS} endpoints`, ENDPOINTS, Math.ceil(FACTS / ENDPOINTS));
  await drain(`one endpoint, order strict`, 1, Math.ceil(FACTS / 5), 'strict');
  await addEndpoints('healthy', ENDPOINTS, receiver.port, { events: ['task.created'] });
  await besideDeadOnes(Math.ceil(ENDPOINTS / 4));
} finally {
  receiver.close();
  dripping.close();
  await system.stop();
}

/** By turns, so that what else the machine does falls on both. */
async function besideDeadOnes(count: number): Promise<void> {
  const alone: number[] = [];
  const beside: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    alone.push(...(await latencies()));
    const events = { events: ['task.created'] };
    const dead = [
      ...(await addEndpoints('dead', count - 1, CLOSED_PORT, events)),
      ...(await addEndpoints('drips', 1, dripping.port, events)),
    ];
    beside.push(...(await latencies()));
    for (const id of dead) await call('DELETE', '/api/webhooks', { id });
  }
  report('all healthy', alone);
  report('20 % dead, one of them dripping', beside);
  const ratio = percentile(beside, 0.95) / percentile(alone, 0.95);
  console.log(`healthy p95 beside dead ones: ${ratio.toFixed(2)} x (target 1.2)`);
}

function report(what: string, waits: readonly number[]): void {
  console.log(
    `${what}: ${TASKS_PER_SECOND} tasks/s to ${ENDPOINTS} healthy endpoints, from request to receipt ` +
      `p50 ${percentile(waits, 0.5).toFixed(1)} ms, p95 ${percentile(waits, 0.95).toFixed(1)} ms (OUT-11: 100 ms)`,
  );
}

async function addEndpoints(name: string, count: number, port: number, more: object): Promise<readonly number[]> {
  const ids: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const url = `http://127.0.0.1:${port}/${name.replaceAll(' ', '-')}-${index}`;
    const { id } = (await call('POST', '/api/webhooks', { name: `${name} ${index}`, url, ...more })) as { id: number };
    ids.push(id);
  }
  return ids;
}

/** Facts for paused endpoints, which are then enabled: how fast, and for how much of all processes, all goes out. */
async function drain(what: string, count: number, facts: number, order = 'none'): Promise<void> {
  const ids = await addEndpoints(what, count, receiver.port, { events: ['token.reported'], order });
  for (const id of ids) await call('PUT', '/api/webhooks', { id, enabled: false });
  for (let from = 0; from < facts; from += 1_000) await reportTokens(Math.min(1_000, facts - from));
  await quiet();
  const wanted = count * facts;
  const before = processTree(system.pid);
  const began = performance.now();
  receiver.taken.clear();
  for (const id of ids) await call('PUT', '/api/webhooks', { id, enabled: true });
  await until('every message', () => takenCount() >= wanted);
  const seconds = (performance.now() - began) / 1_000;
  await until('every outcome', async () => (await finished(ids)) === wanted);
  const after = processTree(system.pid);
  const cpuMs = ((totalCpuSeconds(after) - totalCpuSeconds(before)) * 1_000) / wanted;
  console.log(
    `${what}, ${wanted} pending: ${(wanted / seconds).toFixed(0)} deliveries/s (target 1000), ` +
      `CPU ${cpuMs.toFixed(2)} ms a delivery over all processes (until the read models have it)`,
  );
  printShares(before, after, wanted);
  for (const id of ids) await call('DELETE', '/api/webhooks', { id });
}

function printShares(before: readonly ProcessFigures[], after: readonly ProcessFigures[], count: number): void {
  const shares = new Map<string, number>();
  for (const each of after) {
    const earlier = before.find(({ pid }) => pid === each.pid)?.cpuSeconds ?? 0;
    shares.set(each.name, (shares.get(each.name) ?? 0) + ((each.cpuSeconds - earlier) * 1_000) / count);
  }
  for (const [name, ms] of shares) if (ms >= 0.01) console.log(`  ${name.padEnd(32)} ${ms.toFixed(2).padStart(6)} ms`);
}

function takenCount(): number {
  return [...receiver.taken.values()].reduce((sum, { size }) => sum + size, 0);
}

async function finished(ids: readonly number[]): Promise<number> {
  const { webhooks } = (await call('GET', '/api/webhooks')) as {
    webhooks: { id: number; successful_deliveries: number }[];
  };
  return webhooks.filter(({ id }) => ids.includes(id)).reduce((sum, each) => sum + each.successful_deliveries, 0);
}

async function reportTokens(count: number): Promise<void> {
  const record = { model: 'gpt-5', sessionId: 'bench:cli', inputTokens: 100, outputTokens: 10 };
  const lines = Array.from({ length: count }, () => JSON.stringify({ ...record, eventId: crypto.randomUUID() }));
  const response = await fetch(`http://127.0.0.1:${system.port}/api/tokens`, {
    method: 'POST',
    headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  if (!response.ok) throw new Error(`tokens: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** Until the processes of the system have next to nothing to do. */
async function quiet(): Promise<void> {
  for (let last = Infinity; ;) {
    const now = totalCpuSeconds(processTree(system.pid));
    if (now - last < 0.08) return;
    last = now;
    await pause(1_000);
  }
}

/** Creates tasks steadily until every healthy endpoint has each; from the requests to the receipts, ms. */
async function latencies(): Promise<readonly number[]> {
  await quiet();
  receiver.taken.clear();
  const madeAt = new Map<string, number>();
  const began = performance.now();
  const making: Promise<void>[] = [];
  for (let index = 0; index < TASKS; index += 1) {
    await pause(Math.max(0, began + (index * 1_000) / TASKS_PER_SECOND - performance.now()));
    const title = `bench ${index}`;
    madeAt.set(title, performance.now());
    making.push(call('POST', '/api/tasks', { title }).then(() => undefined));
  }
  await Promise.all(making);
  await until('every message', () => takenCount() >= ENDPOINTS * TASKS);
  return [...receiver.taken.values()].flatMap((times) =>
    [...madeAt].map(([title, at]) => (times.get(title) ?? Number.NaN) - at),
  );
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come:\n${system.output()}`);
    await pause(20);
  }
}

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${system.port}${path}`, {
    method,
    headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/json', prefer: 'respond-async' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Messages are told apart by the title of their task, where they have one, else by their id. */
async function startReceiver(): Promise<Receiver> {
  const taken: Receiver['taken'] = new Map();
  const server: Server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, title] = /"title":"(bench \d+)"/.exec(Buffer.concat(chunks).toString('utf8')) ?? [];
      const key = title ?? String(request.headers['webhook-id']);
      const times = taken.get(request.url ?? '') ?? new Map<string, number>();
      if (!times.has(key)) times.set(key, performance.now());
      taken.set(request.url ?? '', times);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, taken, close: () => void server.close() };
}

/** Answers a byte a second, for ever. */
async function startDripping(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
    const drip = setInterval(() => socket.write('.'), 1_000);
    socket.on('close', () => {
      clearInterval(drip);
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
