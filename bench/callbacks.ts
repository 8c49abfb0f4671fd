/**
 * Signed callbacks: `npm run bench:callbacks`. `--quick` for a short form.
 *
 * First what a verification costs in a process, against a bare HMAC over the same bytes; then, through the whole system, the
 * time from sending a callback to reading its `callback.received` frame, and how many a second are taken.
 */
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { signedHeaders } from '../cli/callback/sign.js';
import { verifyCallback, type Signer } from '../src/callbacks/signature/verify.js';
import { processTree, totalCpuSeconds } from './process-tree.js';
import { percentile } from './statistics.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const quick = process.argv.includes('--quick');
const VERIFICATIONS = quick ? 2_000 : 20_000;
const CALLBACKS = quick ? 100 : 1_000;
const CONNECTIONS = 16;
const RATE = Number(process.env['BENCH_RATE'] ?? 20);
const PACED = quick ? 60 : 600;
/** The first ones meet code that was never run. */
const WARM_UP = 20;

console.log(machineLine());
verification();
await throughTheSystem();

function verification(): void {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const signer: Signer = { secrets: [{ id: '1', shown: secret, imported: false }], legacyAllowed: false };
  const body = Buffer.alloc(20_000, 0x61);
  const nowMs = 1_767_225_600_000;
  const headers = Object.entries(signedHeaders({ id: 'bench', body }, secret, nowMs)).flat();
  const samples: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < VERIFICATIONS; round += 1) {
    bare.push(timed(() => createHmac('sha256', 'key').update(body).digest()));
    samples.push(
      timed(() => {
        if (verifyCallback({ headers, body }, signer, nowMs / 1_000).kind !== 'accepted') throw new Error('refused');
      }),
    );
  }
  const [p50, p99] = [percentile(samples, 0.5), percentile(samples, 0.99)];
  console.log(
    `verification of 20 kB: p50 ${(p50 * 1_000).toFixed(1)} us, p99 ${(p99 * 1_000).toFixed(1)} us (target p99 1,000 us); ` +
      `${(p50 / percentile(bare, 0.5)).toFixed(2)} x a bare HMAC`,
  );
}

function timed(work: () => unknown): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

async function throughTheSystem(): Promise<void> {
  const system = await startSystem();
  try {
    const secret = await preparedAgent(system.port);
    await paced(system.port, secret);
    await closedLoop(system.port, system.pid, secret);
  } finally {
    await system.stop();
  }
}

/** One after the other at a steady rate, whatever the answers take. */
async function paced(port: number, secret: string): Promise<void> {
  const frames = await listenTo(port, 'paced');
  const sentAt = new Map<string, number>();
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (let serial = 0; serial < PACED; serial += 1) {
    await pause(Math.max(0, began + (serial * 1_000) / RATE - performance.now()));
    const id = `paced-${serial}`;
    sentAt.set(id, performance.now());
    calls.push(call(port, id, secret));
  }
  await Promise.all(calls);
  const seen = await frames.all(PACED);
  frames.close();
  const latencies = [...seen].map(([id, at]) => at - (sentAt.get(id) ?? Number.NaN)).slice(WARM_UP);
  console.log(
    `${RATE} callbacks a second, sent to frame read: p50 ${percentile(latencies, 0.5).toFixed(1)} ms, ` +
      `p99 ${percentile(latencies, 0.99).toFixed(1)} ms (target p99 50 ms)`,
  );
}

/** As many as go, each connection one after the other. */
async function closedLoop(port: number, pid: number, secret: string): Promise<void> {
  const frames = await listenTo(port, 'bench');
  const before = totalCpuSeconds(processTree(pid));
  const sentAt = new Map<string, number>();
  const answers: number[] = [];
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (let serial = next++; serial < CALLBACKS; serial = next++) {
        const id = `bench-${serial}`;
        sentAt.set(id, performance.now());
        await call(port, id, secret);
        answers.push(performance.now() - (sentAt.get(id) ?? 0));
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const seen = await frames.all(CALLBACKS);
  const latencies = [...seen].map(([id, at]) => at - (sentAt.get(id) ?? Number.NaN));
  const cpu = ((totalCpuSeconds(processTree(pid)) - before) * 1_000) / CALLBACKS;
  frames.close();
  console.log(
    `${CALLBACKS} callbacks over ${CONNECTIONS} connections, as many as go: ${(CALLBACKS / seconds).toFixed(0)}/s, ` +
      `answer p50 ${percentile(answers, 0.5).toFixed(1)} ms p99 ${percentile(answers, 0.99).toFixed(1)} ms, ` +
      `sent to frame read p50 ${percentile(latencies, 0.5).toFixed(1)} ms p99 ${percentile(latencies, 0.99).toFixed(1)} ms, ` +
      `CPU ${cpu.toFixed(2)} ms a callback over all processes`,
  );
}

async function preparedAgent(port: number): Promise<string> {
  const headers = { 'x-api-key': BENCH_KEY, 'content-type': 'application/json' };
  const post = async (path: string, body: object) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return (await answer.json()) as { secret: string };
  };
  await post('/api/agents', { name: 'bench', role: 'coder' });
  return (await post('/api/agents/bench/callback-secrets', {})).secret;
}

async function call(port: number, id: string, secret: string): Promise<void> {
  const body = Buffer.from(JSON.stringify({ type: 'task.progress', data: { message: id } }));
  const answer = await fetch(`http://127.0.0.1:${port}/api/callbacks/bench`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signedHeaders({ id, body }, secret, Date.now()) },
    body: new Uint8Array(body),
  });
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`a callback was answered with ${answer.status}`);
}

/** When each callback's frame was read. */
async function listenTo(port: number, name: string) {
  const seen = new Map<string, number>();
  const pattern = new RegExp(`"delivery_id":"(${name}-\\d+)"`, 'g');
  let wake = () => {};
  const stream = httpRequest({ port, path: '/api/events?types=callback', headers: { 'x-api-key': BENCH_KEY } });
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    stream.on('response', (response) => {
      response.setEncoding('utf8');
      response.on('error', () => undefined);
      response.on('data', (text: string) => {
        for (const [, id = ''] of text.matchAll(pattern)) seen.set(id, performance.now());
        if (text.includes('"connected"')) resolve();
        wake();
      });
    });
    stream.end();
  });
  return {
    async all(count: number): Promise<ReadonlyMap<string, number>> {
      while (seen.size < count) await new Promise<void>((resolve) => (wake = resolve));
      return seen;
    },
    close: () => stream.destroy(),
  };
}
