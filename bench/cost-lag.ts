import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from './statistics.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

/** How far the books of cost lie behind while reports come in evenly, each as a call of its own. */

const HELP = `Usage: npm run bench:cost-lag -- [--rate 500] [--seconds 20]

  --rate      reports a second
  --seconds   how long`;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const RATE = Number(values.rate);
const SECONDS = Number(values.seconds);
const TICK_MS = 20;
const LOOK_EVERY_MS = 50;
const run = Date.now().toString(36);
const lags: number[] = [];
const shownMs: number[] = [];
let sent = 0;
let failed = 0;

const system = await startSystem();
const url = `http://127.0.0.1:${system.port}`;
try {
  console.log(machineLine());
  await report();
  const reports = new Set<Promise<void>>();
  const started = performance.now();
  const looking = look(() => performance.now() - started < SECONDS * 1_000);
  while (performance.now() - started < SECONDS * 1_000) {
    const due = ((performance.now() - started) * RATE) / 1_000;
    while (sent < due) {
      const one: Promise<void> = report().finally(() => reports.delete(one));
      reports.add(one);
    }
    await pause(TICK_MS);
  }
  const took = (performance.now() - started) / 1_000;
  await Promise.all([...reports, looking]);
  console.log(`${(sent / took).toFixed(0)} reports/s for ${took.toFixed(0)} s, ${failed} refused or failed`);
  const figure = (of: readonly number[]) =>
    `p50 ${percentile(of, 0.5).toFixed(0)}, p95 ${percentile(of, 0.95).toFixed(0)}, most ${Math.max(...of).toFixed(0)} ms`;
  console.log(`lag that answers about cost say (target 1000 ms): ${figure(lags)}`);
  console.log(`from sending a report to its cost in a total (target 1000 ms): ${figure(shownMs)}`);
} finally {
  await system.stop();
}

async function report(sessionId = 'bench:cli'): Promise<void> {
  sent += 1;
  const body = {
    eventId: `${run}-${sent}`,
    model: 'gpt-5-mini',
    sessionId,
    inputTokens: 1_000,
    outputTokens: sent % 900,
  };
  const answer = await fetch(`${url}/api/tokens`, {
    method: 'POST',
    headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  if (answer?.status !== 200) failed += 1;
  await answer?.arrayBuffer();
}

/** Asks for totals all the time, and every second how long a report of its own takes to be in them. */
async function look(isOn: () => boolean): Promise<void> {
  let marked = performance.now();
  for (let mark = 0; isOn();) {
    lags.push((await ask('groupBy=model')).lagMs);
    if (performance.now() - marked > 1_000) {
      marked = performance.now();
      mark += 1;
      await report(`mark-${mark}:cli`);
      while ((await ask(`session=mark-${mark}:cli`)).requests === 0) await pause(5);
      shownMs.push(performance.now() - marked);
    }
    await pause(LOOK_EVERY_MS);
  }
}

async function ask(query: string): Promise<{ readonly lagMs: number; readonly requests: number }> {
  const answer = await fetch(`${url}/api/costs?${query}`, { headers: { 'x-api-key': BENCH_KEY } });
  const { summary } = (await answer.json()) as { readonly summary: { readonly requestCount: number } };
  return { lagMs: Number(answer.headers.get('x-mc-lag-seconds')) * 1_000, requests: summary.requestCount };
}
