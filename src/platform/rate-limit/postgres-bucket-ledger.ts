import { OperationalTable, type SqlExecutor } from '../read-models/operational-table.js';
import { BucketLedger, type Draw, type Grant } from './bucket-ledger.js';

/** Unlogged: a bucket lost in a crash is a full bucket. */
const CREATE = `
  create unlogged table if not exists rate_limit_bucket (
    bucket text primary key,
    capacity double precision not null,
    per_second double precision not null,
    tokens double precision not null,
    granted double precision not null,
    updated_at timestamptz not null
  ) with (fillfactor = 70)`;

/** Rows are locked in the order of their names, so that two processes cannot wait for each other. */
const DRAW = `
  insert into rate_limit_bucket as b (bucket, capacity, per_second, tokens, granted, updated_at)
  select bucket, capacity, per_second, capacity - wanted, wanted, clock_timestamp()
    from unnest($1::text[], $2::float8[], $3::float8[], $4::float8[]) as d (bucket, capacity, per_second, wanted)
   order by bucket
  on conflict (bucket) do update set (capacity, per_second, tokens, granted, updated_at) = (
    select excluded.capacity, excluded.per_second, level - taken, taken, at
      from (select greatest(b.updated_at, clock_timestamp()) as at) as clock,
           lateral (select least(excluded.capacity,
             b.tokens + excluded.per_second * extract(epoch from at - b.updated_at)) as level) as refilled,
           lateral (select least(floor(level), excluded.granted) as taken) as grant_of
  )
  returning bucket, granted, tokens`;

/** Buckets that nobody has touched for ten minutes are full: no row says the same. */
const FORGET = `delete from rate_limit_bucket where updated_at < clock_timestamp() - interval '10 minutes'`;
const FORGET_EVERY_MS = 600_000;

interface BucketRow {
  readonly bucket: string;
  readonly granted: number;
  readonly tokens: number;
}

/** The shared buckets in PostgreSQL: one statement draws for many. */
export class PostgresBucketLedger extends BucketLedger {
  private readonly table: OperationalTable;
  private forgottenAt = performance.now();

  constructor(private readonly sql: SqlExecutor) {
    super();
    this.table = new OperationalTable(sql, CREATE);
  }

  async draw(draws: readonly Draw[]): Promise<readonly Grant[]> {
    await this.table.ready();
    const rows = await this.sql.query<BucketRow>(DRAW, [
      draws.map(({ bucket }) => bucket),
      draws.map(({ capacity }) => capacity),
      draws.map(({ perSecond }) => perSecond),
      draws.map(({ wanted }) => wanted),
    ]);
    const byBucket = new Map(rows.map((row) => [row.bucket, row]));
    await this.forgetIdle();
    return draws.map(({ bucket }) => {
      const row = byBucket.get(bucket);
      return { granted: row?.granted ?? 0, left: row?.tokens ?? 0 };
    });
  }

  private async forgetIdle(): Promise<void> {
    const now = performance.now();
    if (now - this.forgottenAt < FORGET_EVERY_MS) return;
    this.forgottenAt = now;
    await this.sql.query(FORGET);
  }
}
