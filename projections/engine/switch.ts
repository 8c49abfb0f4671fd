import type { Client } from 'pg';
import { comparePositions } from '../../src/platform/event-store/position.js';
import { readCheckpoint } from './checkpoint.js';
import { closeQuietly, type Connect, inTransaction } from './database.js';
import { type Projection, tableName } from './projection.js';
import { RebuildFailed } from './rebuild.js';
import { sqlStateOf } from './sql.js';
import { VERSIONS_CHANNEL } from './versions.js';
import { BackOff, Wakeable } from './wakeable.js';

const SWITCH_ATTEMPTS = 20;
/** Below the server's deadlock timeout: the switch gives way, never a query. */
const SWITCH_LOCK_TIMEOUT = '300ms';
const LOCK_NOT_AVAILABLE = '55P03';
const CANNOT_REPLACE_VIEW = '42P16';

/**
 * Makes `version` the one that queries see: views and pointer change in one transaction, and the projector feeds it from
 * then on beside the old one, so that switching back is the same call. The version must stand where the active one does
 * or later; false: it is behind and has to catch up first. Nothing is dropped.
 */
export async function switchTo(connect: Connect, projection: Projection, version: number): Promise<boolean> {
  const client = await connect();
  const pause = new BackOff(100, 1_000);
  const rest = new Wakeable();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(client, () => trySwitch(client, projection, version));
      } catch (error) {
        if (attempt === SWITCH_ATTEMPTS || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
        await rest.wait(pause.next());
      }
    }
  } finally {
    await closeQuietly(client);
  }
}

async function trySwitch(client: Client, projection: Projection, version: number): Promise<boolean> {
  await client.query(`set local lock_timeout = '${SWITCH_LOCK_TIMEOUT}'`);
  const { rows } = await client.query<{ version: number }>(
    'select version from projection_active where projection = $1 for update',
    [projection.name],
  );
  const active = rows[0]?.version;
  if (active === undefined) throw new RebuildFailed(`${projection.name} has no active version: migrate first`);
  if (active === version) return true;
  await client.query(
    'select 1 from projection_checkpoint where projection = $1 and version in ($2, $3) order by version for update',
    [projection.name, active, version],
  );
  const from = await readCheckpoint(client, projection.name, active);
  const to = await readCheckpoint(client, projection.name, version);
  if (to === undefined) throw new RebuildFailed(`version ${version} of ${projection.name} does not exist`);
  if (from !== undefined && comparePositions(to.position, from.position) < 0) return false;
  for (const { view } of projection.tables.list) await replaceView(client, view, version);
  await client.query(
    'update projection_active set version = $2, switched_at = clock_timestamp() where projection = $1',
    [projection.name, version],
  );
  await client.query(`update projection_checkpoint set state = 'live' where projection = $1 and version = $2`, [
    projection.name,
    version,
  ]);
  await client.query(`notify ${VERSIONS_CHANNEL}`);
  return true;
}

/** `create or replace view` may only append columns; another shape needs a new view, and fails while others use it. */
async function replaceView(client: Client, view: string, version: number): Promise<void> {
  await client.query('savepoint replace_view');
  try {
    await client.query(`create or replace view ${view} as select * from ${tableName(view, version)}`);
  } catch (error) {
    if (sqlStateOf(error) !== CANNOT_REPLACE_VIEW) throw error;
    await client.query('rollback to savepoint replace_view');
    await client.query(`drop view ${view}`);
    await client.query(`create view ${view} as select * from ${tableName(view, version)}`);
  }
  await client.query('release savepoint replace_view');
}

/** Drops the tables and the checkpoint of a version that nobody sees. Refuses the active one. */
export async function dropVersion(connect: Connect, projection: Projection, version: number): Promise<void> {
  const client = await connect();
  try {
    await inTransaction(client, async () => {
      const { rows } = await client.query<{ version: number }>(
        'select version from projection_active where projection = $1 for update',
        [projection.name],
      );
      if (rows[0]?.version === version) throw new RebuildFailed(`version ${version} of ${projection.name} is active`);
      const ofVersion = [projection.name, version];
      await client.query('delete from projection_checkpoint where projection = $1 and version = $2', ofVersion);
      await client.query('delete from projection_read where projection = $1 and version = $2', ofVersion);
      await client.query('delete from projection_dead_letter where projection = $1 and version = $2', ofVersion);
      for (const { view } of projection.tables.list) {
        await client.query(`drop table if exists ${tableName(view, version)}`);
      }
      await client.query(`notify ${VERSIONS_CHANNEL}`);
    });
  } finally {
    await closeQuietly(client);
  }
}
