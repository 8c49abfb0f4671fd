import { giveWork } from './give-work.js';
import { closedLoop, LoadConnection, requestBytes } from './load-client.js';
import { processTree, totalCpuSeconds } from './process-tree.js';
import { BENCH_KEY, machineLine, startSystem } from './system.js';

const CONNECTIONS = Number(process.env['BENCH_CONNECTIONS'] ?? 10);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 10);
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
/** How many work items wait for each agent, and come with every answer. */
const WORK_ITEMS = Number(process.env['BENCH_WORK_ITEMS'] ?? 0);
const TARGET = WORK_ITEMS === 0 ? { perSecond: 1_500, p99Ms: 40 } : { perSecond: 1_200, p99Ms: 50 };

const system = await startSystem();
try {
  console.log(machineLine());
  const agents = await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, index) => {
      const response = await fetch(`http://127.0.0.1:${system.port}/api/connect`, {
        method: 'POST',
        headers: { 'x-api-key': BENCH_KEY, 'content-type': 'application/json' },
        body: JSON.stringify({ tool_name: 'bench', agent_name: `bench-${index}` }),
      });
      return (await response.json()) as { agent_id: number; connection_id: string };
    }),
  );
  for (const [index] of agents.entries()) await giveWork(system.port, `bench-${index}`, WORK_ITEMS);
  const requests = agents.map(({ agent_id, connection_id }) =>
    requestBytes('POST', `/api/agents/${agent_id}/heartbeat`, BENCH_KEY, JSON.stringify({ connection_id })),
  );
  const connections = await Promise.all(agents.map(() => LoadConnection.open(system.port)));
  await closedLoop(connections, 3, (index) => requests[index] ?? Buffer.alloc(0));
  for (let run = 1; run <= RUNS; run += 1) {
    const before = processTree(process.pid);
    const result = await closedLoop(connections, SECONDS, (index) => requests[index] ?? Buffer.alloc(0));
    const after = processTree(process.pid);
    const cpuUs = ((totalCpuSeconds(after) - totalCpuSeconds(before)) * 1e6) / result.requests;
    console.log(
      `run ${run}: ${result.perSecond.toFixed(0)} beats/s (target ${TARGET.perSecond}), p50 ${result.p50Ms.toFixed(1)} ms, ` +
        `p99 ${result.p99Ms.toFixed(1)} ms (target ${TARGET.p99Ms}), CPU ${cpuUs.toFixed(0)} us a beat, ` +
        `statuses ${JSON.stringify(result.statuses)}`,
    );
    for (const each of after) {
      const earlier = before.find(({ pid }) => pid === each.pid);
      const us = ((each.cpuSeconds - (earlier?.cpuSeconds ?? 0)) * 1e6) / result.requests;
      if (us >= 1)
        console.log(`  ${each.name.padEnd(32)} ${us.toFixed(0).padStart(6)} us a beat, ${each.rssMb.toFixed(0)} MB`);
    }
  }
  for (const connection of connections) connection.close();
} finally {
  await system.stop();
}
