import { setTimeout as pause } from 'node:timers/promises';
import { LoadConnection, requestBytes } from './load-client.js';
import { processTree, type ProcessFigures } from './process-tree.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const MINUTES = Number(process.env['BENCH_MINUTES'] ?? 60);
const AGENTS = 100;
const BEAT_EVERY_MS = 300;
const SAMPLE_MS = 30_000;

const ours = (figures: readonly ProcessFigures[]) => figures.filter(({ pid }) => pid !== process.pid);
const sum = (figures: readonly ProcessFigures[], field: 'rssMb' | 'pssMb') =>
  ours(figures).reduce((total, figure) => total + figure[field], 0);

function line(label: string, figures: readonly ProcessFigures[]): void {
  console.log(
    `${label}: ${sum(figures, 'rssMb').toFixed(0)} MB RSS in all processes (target 600), ` +
      `${sum(figures, 'pssMb').toFixed(0)} MB without counting shared pages twice`,
  );
}

/** Slope of a least-squares line through the samples, MB an hour. */
function slopePerHour(samples: readonly number[]): number {
  const n = samples.length;
  const meanX = (n - 1) / 2;
  const meanY = samples.reduce((a, b) => a + b, 0) / n;
  const covariance = samples.reduce((total, y, x) => total + (x - meanX) * (y - meanY), 0);
  const variance = samples.reduce((total, _, x) => total + (x - meanX) ** 2, 0);
  return ((covariance / variance) * 3_600_000) / SAMPLE_MS;
}

const system = await startSystem();
try {
  console.log(machineLine());
  await pause(20_000);
  const idle = processTree(process.pid);
  line('idle', idle);
  for (const each of ours(idle)) console.log(`  ${each.name.padEnd(32)} ${each.rssMb.toFixed(0).padStart(5)} MB`);
  const connection = await LoadConnection.open(system.port);
  const samples: number[] = [];
  let nextSample = performance.now() + SAMPLE_MS;
  for (let beat = 0, until = performance.now() + MINUTES * 60_000; performance.now() < until; beat += 1) {
    const name = `idle-${beat % AGENTS}`;
    const request =
      beat < AGENTS
        ? requestBytes('POST', '/api/connect', BENCH_KEY, JSON.stringify({ tool_name: 'bench', agent_name: name }))
        : requestBytes('POST', `/api/agents/${name}/heartbeat`, BENCH_KEY, '{}');
    const status = await connection.send(request);
    if (status !== 200) throw new Error(`a beat was answered ${status}`);
    if (performance.now() >= nextSample) {
      nextSample += SAMPLE_MS;
      samples.push(sum(processTree(process.pid), 'rssMb'));
    }
    await pause(BEAT_EVERY_MS);
  }
  connection.close();
  line(`after ${MINUTES} minutes of beats`, processTree(process.pid));
  const settled = samples.slice(Math.floor(samples.length / 4));
  if (settled.length > 2) console.log(`slope after the first quarter: ${slopePerHour(settled).toFixed(1)} MB an hour`);
} finally {
  await system.stop();
}
