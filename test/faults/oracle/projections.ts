import { Registry } from 'prom-client';
import type { ClientBase } from 'pg';
import { allProjections } from '../../../projections/all.projections.js';
import { type Connect, connector, withClient } from '../../../projections/engine/database.js';
import { dumpTables } from '../../../projections/engine/dump.js';
import { quietLogger } from '../../../projections/engine/logger.js';
import type { Projection } from '../../../projections/engine/projection.js';
import { rebuild } from '../../../projections/engine/rebuild.js';
import { dropVersion } from '../../../projections/engine/switch.js';
import { allEventContracts } from '../../../src/all.events.js';
import { EventRegistry } from '../../../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../../../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../../../src/platform/event-store/event-store.js';
import { logEnd } from '../../../src/platform/event-store/log-end.js';
import { eventually } from '../../support/eventually.js';
import type { Entry } from '../driver/ledger.js';
import { type Finding, finding } from '../finding.js';
import { checkTotals } from './totals.js';

/** The version that every table is rebuilt as; dropped again. */
const REBUILT = 999;
const CATCH_UP_BOUND_MS = 30_000;
/** The reactors may append while the tables are compared: then it is done again. */
const ATTEMPTS = 10;

/**
 * Every table of every projection against a rebuild of the whole log beside it, row by row; the totals against the
 * ledger's own sums; and no event set aside.
 */
export async function checkProjections(
  eventStoreUrl: string,
  databaseUrl: string,
  ledger: readonly Entry[],
): Promise<Finding[]> {
  const store = new EventStoreGateway({ url: eventStoreUrl, registry: new EventRegistry(allEventContracts) });
  const connect = connector(databaseUrl, 'fault oracle');
  try {
    const findings: Finding[] = [];
    for (const projection of allProjections) findings.push(...(await checkOne(store, connect, projection)));
    return await withClient(connect, async (client) => [
      ...findings,
      ...(await checkTotals(client, ledger)),
      ...(await checkDeadLetters(client)),
    ]);
  } finally {
    await store.close();
  }
}

/** The whole log folded in batches of these sizes: every table comes out the same, byte for byte. */
export async function checkBatchSizes(
  eventStoreUrl: string,
  databaseUrl: string,
  sizes: readonly number[],
): Promise<Finding[]> {
  const store = new EventStoreGateway({ url: eventStoreUrl, registry: new EventRegistry(allEventContracts) });
  const connect = connector(databaseUrl, 'fault oracle');
  const findings: Finding[] = [];
  try {
    for (const batchSize of sizes) {
      for (const projection of allProjections) {
        findings.push(...(await checkOne(store, connect, projection, { batchSize })));
      }
    }
    return findings;
  } finally {
    await store.close();
  }
}

async function checkOne(
  store: EventStore,
  connect: Connect,
  projection: Projection,
  fixed: { readonly batchSize?: number } = {},
): Promise<Finding[]> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      const head = await headOf(store);
      await caughtUp(connect, projection, head);
      await rebuild({
        store,
        connect,
        versions: [{ projection, version: REBUILT }],
        logger: quietLogger,
        registry: new Registry(),
        ...fixed,
      });
      const [live, rebuilt] = await withClient(connect, async (client) => [
        await dumpTables(client, projection, 1),
        await dumpTables(client, projection, REBUILT),
      ]);
      if (live === rebuilt) return [];
      if ((await headOf(store)) === head || attempt === ATTEMPTS) {
        return difference(projection.name, (live ?? '').split('\n'), (rebuilt ?? '').split('\n'));
      }
    }
  } finally {
    await dropVersion(connect, projection, REBUILT);
  }
}

/** Commit position of the last event that is not the store's own. */
async function headOf(store: EventStore): Promise<bigint> {
  return (await logEnd(store)).commit;
}

async function caughtUp(connect: Connect, { name }: Projection, head: bigint): Promise<void> {
  await withClient(connect, (client) =>
    eventually(
      `${name} to reach the end of the log`,
      async () => {
        const { rows } = await client.query<{ commit_position: string }>(
          'select commit_position from projection_progress where projection = $1',
          [name],
        );
        return BigInt(rows[0]?.commit_position ?? -1) >= head;
      },
      CATCH_UP_BOUND_MS,
    ),
  );
}

function difference(name: string, live: readonly string[], rebuilt: readonly string[]): Finding[] {
  const inLive = new Set(live);
  const inRebuilt = new Set(rebuilt);
  return [
    ...rebuilt.filter((row) => !inLive.has(row)).map((row) => finding('lost', `${name}: the log makes ${row}`)),
    ...live.filter((row) => !inRebuilt.has(row)).map((row) => finding('duplicated', `${name}: live is ${row}`)),
  ];
}

async function checkDeadLetters(client: ClientBase): Promise<Finding[]> {
  const { rows } = await client.query<{ projection: string; event_type: string; message: string }>(
    'select projection, event_type, message from projection_dead_letter',
  );
  return rows.map((row) => finding('lost', `${row.projection} set aside a ${row.event_type}: ${row.message}`));
}
