import { BucketLedger, type Draw, type Grant } from './bucket-ledger.js';

/** Runs one statement. Rejects when the database is away. */
export interface SqlExecutor {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * Unlogged: a bucket lost in a crash is a full bucket. Made here and not by a migration, because it is no read model: no
 * rebuild makes it, no comparison looks at it. Two processes may create it at once; one of them then sees it exists.
 */
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
  private created: Promise<unknown> | undefined;
  private forgottenAt = performance.now();

  constructor(private readonly sql: SqlExecutor) {
    super();
  }

  async draw(draws: readonly Draw[]): Promise<readonly Grant[]> {
    await this.ready();
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

  private ready(): Promise<unknown> {
    this.created ??= this.create();
    return this.created;
  }

  private async create(): Promise<void> {
    try {
      await this.sql.query(CREATE);
    } catch (error) {
      this.created = undefined;
      if (!isDuplicate(error)) throw error;
    }
  }

  private async forgetIdle(): Promise<void> {
    const now = performance.now();
    if (now - this.forgottenAt < FORGET_EVERY_MS) return;
    this.forgottenAt = now;
    await this.sql.query(FORGET);
  }
}

/** `create … if not exists` in two sessions at once: the second may still trip over the catalogue's unique index. */
function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '23505' || error.code === '42P07');
}
