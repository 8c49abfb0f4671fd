import { setTimeout as pause } from 'node:timers/promises';
import { BENCH_KEY } from './system.js';

/** A task that is assigned is an assigned task, a notification and an urgent activity. */
const ITEMS_A_TASK = 3;
const BOUND_MS = 10_000;

/** Lets exactly `count` work items wait for an agent: as many tasks as that makes, and mentions for the rest. */
export async function giveWork(port: number, agentName: string, count: number): Promise<void> {
  if (count === 0) return;
  const tasks = Math.max(1, Math.floor(count / ITEMS_A_TASK));
  let taskId = 0;
  for (let index = 0; index < tasks; index += 1) {
    const body = { title: `Task ${index} of ${agentName}`, assigned_to: agentName, description: 'x'.repeat(300) };
    taskId = ((await call(port, 'POST', '/api/tasks', body)) as { task: { id: number } }).task.id;
  }
  for (let mention = tasks * ITEMS_A_TASK; mention < count; mention += 1) {
    await call(port, 'POST', `/api/tasks/${taskId}/comments`, {
      content: `@${agentName} please look ${'here '.repeat(20)}`,
    });
  }
  const until = performance.now() + BOUND_MS;
  for (;;) {
    const seen = await call(port, 'GET', `/api/agents/${agentName}/heartbeat`);
    const waiting = (seen as { total_items?: number }).total_items ?? 0;
    if (waiting === count) return;
    if (performance.now() > until) throw new Error(`${waiting} work items wait for ${agentName}, not ${count}`);
    await pause(50);
  }
}

async function call(port: number, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'x-api-key': BENCH_KEY, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
