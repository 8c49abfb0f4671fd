import { parentPort, workerData } from 'node:worker_threads';
import { connector } from '../projections/engine/database.js';
import type { SqlReader } from '../projections/engine/sql.js';
import { questions } from './cost-questions.js';

/** One client that asks about cost, in a thread of its own as a dashboard has a process of its own. */

export interface Ask {
  readonly names: readonly string[];
  readonly runs: number;
}

/** A name, and how long each answer took, ms. */
export type Asked = readonly (readonly [string, readonly number[]])[];

const client = await connector(workerData as string, 'bench')();
const reader: SqlReader = { query: async (text, bound = []) => (await client.query(text, [...bound])).rows };

parentPort?.on('message', ({ names, runs }: Ask) => {
  void askAll(names, runs).then((asked) => parentPort?.postMessage(asked, []));
});

async function askAll(names: readonly string[], runs: number): Promise<Asked> {
  const asked = names.flatMap((name) => questions.filter((question) => question.name === name));
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let run = 0; run < runs; run += 1) {
    for (const question of asked) {
      const started = performance.now();
      await question.ask(reader);
      times.get(question.name)?.push(performance.now() - started);
    }
  }
  return [...times];
}
