import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const ENDPOINTS = Number(process.env['BENCH_ENDPOINTS'] ?? 20);
const TASKS = Number(process.env['BENCH_TASKS'] ?? 500);
const BOUND_MS = 120_000;
/** Nobody listens there. */
const CLOSED_PORT = 19_999;

/** A fast receiver, and when each path got each message. */
interface Receiver {
  readonly port: number;
  readonly taken: Map<string, Map<number, number>>;
  close(): void;
}

const system = await startSystem({ MC_WEBHOOK_ALLOW: '127.0.0.1', MC_WEBHOOK_RATE: '10000' });
const receiver = await startReceiver();
try {
  console.log(machineLine());
  await addEndpoints('healthy', ENDPOINTS, receiver.port);
  const baseline = await round('all healthy');
  await addEndpoints('dead', Math.ceil(ENDPOINTS / 4), CLOSED_PORT);
  const beside = await round('20 % dead');
  console.log(`healthy p95 beside dead ones: ${(beside / baseline).toFixed(2)} x (target 1.2)`);
} finally {
  receiver.close();
  await system.stop();
}

async function addEndpoints(name: string, count: number, port: number): Promise<void> {
  const url = (index: number) => `http://127.0.0.1:${port}/${name}-${index}`;
  for (let index = 0; index < count; index += 1) {
    await call('POST', '/api/webhooks', { name: `${name} ${index}`, url: url(index), events: ['task.created'] });
  }
}

/** Creates tasks and waits until every healthy endpoint has each; resolves to the p95 from the answer to the receipt, ms. */
async function round(what: string): Promise<number> {
  const began = performance.now();
  const madeAt = new Map<number, number>();
  for (let from = 0; from < TASKS; from += 10) {
    await Promise.all(
      Array.from({ length: Math.min(10, TASKS - from) }, async () => {
        const sentAt = performance.now();
        const { task } = (await call('POST', '/api/tasks', { title: 'bench' })) as { task: { id: number } };
        madeAt.set(task.id, sentAt);
      }),
    );
  }
  const isComplete = () =>
    receiver.taken.size === ENDPOINTS &&
    [...receiver.taken.values()].every((times) => [...madeAt.keys()].every((id) => times.has(id)));
  while (!isComplete()) {
    if (performance.now() - began > BOUND_MS) throw new Error('not every message came');
    await pause(20);
  }
  const seconds = (performance.now() - began) / 1_000;
  const waits = [...receiver.taken.values()]
    .flatMap((times) => [...madeAt].map(([id, at]) => (times.get(id) ?? at) - at))
    .toSorted((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(waits.length * share)] ?? 0;
  console.log(
    `${what}: ${(waits.length / seconds).toFixed(0)} deliveries/s (target 1000), ` +
      `from request to receipt p50 ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms`,
  );
  return at(0.95);
}

async function call(method: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${system.port}${path}`, {
    method,
    headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function startReceiver(): Promise<Receiver> {
  const taken: Receiver['taken'] = new Map();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { data } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { data: { id: number } };
      const times = taken.get(request.url ?? '') ?? new Map<number, number>();
      if (!times.has(data.id)) times.set(data.id, performance.now());
      taken.set(request.url ?? '', times);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, taken, close: () => void server.close() };
}
