import { closedLoop, LoadConnection, requestBytes } from './load-client.js';
import { processTree, totalCpuSeconds } from './process-tree.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const SINGLE_CONNECTIONS = 32;
const BULK_CONNECTIONS = 4;
const BULK_RECORDS = 1_000;
const run = Date.now().toString(36);
let serial = 0;

/** Ids have no pattern that a layout could lean on. */
function report(): string {
  serial += 1;
  return JSON.stringify({
    eventId: `${Math.random().toString(36).slice(2)}-${run}-${serial}`,
    model: ['claude-sonnet-4', 'gpt-5', 'gemini-3'][serial % 3],
    sessionId: `bench-${serial % 20}:cli`,
    inputTokens: serial % 5_000,
    outputTokens: serial % 900,
    cacheReadTokens: serial % 40_000,
  });
}

const single = () => requestBytes('POST', '/api/tokens', BENCH_KEY, report());
const bulk = () =>
  requestBytes(
    'POST',
    '/api/tokens',
    BENCH_KEY,
    Array.from({ length: BULK_RECORDS }, report).join('\n'),
    'application/x-ndjson',
  );

async function measure(label: string, target: number, count: number, recordsEach: number, next: () => Buffer) {
  const connections = await Promise.all(Array.from({ length: count }, () => LoadConnection.open(system.port)));
  await closedLoop(connections, 4, next);
  for (let index = 1; index <= RUNS; index += 1) {
    const before = processTree(process.pid);
    const result = await closedLoop(connections, SECONDS, next);
    const after = processTree(process.pid);
    const records = result.requests * recordsEach;
    const cpuUs = ((totalCpuSeconds(after) - totalCpuSeconds(before)) * 1e6) / records;
    console.log(
      `${label}, run ${index}: ${(records / result.seconds).toFixed(0)} records/s (target ${target}), ` +
        `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms a call, ` +
        `CPU ${cpuUs.toFixed(0)} us a record, statuses ${JSON.stringify(result.statuses)}`,
    );
    for (const each of after) {
      const earlier = before.find(({ pid }) => pid === each.pid);
      const us = ((each.cpuSeconds - (earlier?.cpuSeconds ?? 0)) * 1e6) / records;
      if (us >= 1) console.log(`  ${each.name.padEnd(32)} ${us.toFixed(0).padStart(6)} us a record`);
    }
  }
  for (const connection of connections) connection.close();
}

const system = await startSystem();
try {
  console.log(machineLine());
  await measure(`one by one, ${SINGLE_CONNECTIONS} connections`, 1_500, SINGLE_CONNECTIONS, 1, single);
  await measure(
    `bulk of ${BULK_RECORDS}, ${BULK_CONNECTIONS} connections`,
    8_000,
    BULK_CONNECTIONS,
    BULK_RECORDS,
    bulk,
  );
} finally {
  await system.stop();
}
