import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/read-models/database.js';
import { OperationalTable } from '../platform/read-models/operational-table.js';

/** An api process that has not said so for this long cannot have heard its agents. */
const UNHEARD_SECONDS = 15;

const CREATE =
  'create unlogged table if not exists service_presence (instance uuid primary key, seen_at timestamptz not null)';

/**
 * Which api processes are at work, said by themselves every few seconds in an operational table. Neither an event nor a
 * projection: it only keeps the expiry monitor from taking our own silence for the agents'.
 */
@Injectable()
export class ServicePresence {
  private readonly instance = randomUUID();
  private readonly table: OperationalTable;

  constructor(private readonly database: Database) {
    this.table = new OperationalTable(database, CREATE);
  }

  /** Says that this api process hears its agents. */
  async announce(): Promise<void> {
    await this.table.ready();
    await this.database.query(
      `insert into service_presence (instance, seen_at) values ($1, clock_timestamp())
       on conflict (instance) do update set seen_at = clock_timestamp()`,
      [this.instance],
    );
    await this.database.query(`delete from service_presence where seen_at < clock_timestamp() - interval '1 hour'`);
  }

  /** True when some api process was at work a moment ago. */
  async apiIsHeard(): Promise<boolean> {
    await this.table.ready();
    const [row] = await this.database.query<{ heard: boolean }>(
      `select coalesce(max(seen_at) > clock_timestamp() - make_interval(secs => $1), false) as heard
         from service_presence`,
      [UNHEARD_SECONDS],
    );
    return row?.heard ?? false;
  }
}
