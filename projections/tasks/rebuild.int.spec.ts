import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { storeAndDatabase, type StoreAndDatabase } from '../../test/support/store-and-database.js';
import type { LogEntry } from '../../src/platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../../src/platform/event-store/position.js';
import { activities } from '../activities/activities.projection.js';
import { connector, withClient } from '../engine/database.js';
import { dumpTables } from '../engine/dump.js';
import { quietLogger } from '../engine/logger.js';
import { rebuild } from '../engine/rebuild.js';
import { deliver } from '../engine/testing/given.js';
import { workOf } from '../engine/testing/work-history.js';
import { notifications } from '../notifications/notifications.projection.js';
import { tasks } from './tasks.projection.js';

const TASKS = 60;

/** The small form of `npm run bench:rebuild`. */
describe('what was folded live', () => {
  let parts: StoreAndDatabase;

  beforeAll(async () => {
    parts = await storeAndDatabase();
    await parts.write(Array.from({ length: TASKS }, (_, index) => workOf(index + 1)).flat());
  });
  afterAll(() => parts.close());

  it('is what a rebuild of several projections makes of one reading of the whole log', async () => {
    const connect = connector(parts.databaseUrl, 'test');
    const log: LogEntry[] = [];
    for await (const entry of parts.store.readAll({ after: BEFORE_EVERYTHING })) log.push(entry);
    const projections = [tasks, notifications, activities];
    for (const projection of projections) await deliver(parts.databaseUrl, projection, 1, log, { batch: 13 });
    await rebuild({
      store: parts.store,
      connect,
      versions: projections.map((projection) => ({ projection, version: 2 })),
      logger: quietLogger,
      registry: new Registry(),
    });
    for (const projection of projections) {
      const [live, rebuilt] = await withClient(connect, async (client) => [
        await dumpTables(client, projection, 1),
        await dumpTables(client, projection, 2),
      ]);
      expect(rebuilt).toBe(live);
      expect(live?.split('\n').length).toBeGreaterThan(TASKS);
    }
  });
});
