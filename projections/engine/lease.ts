import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';

/** Lease of the one process that feeds all live projections. */
export const PROJECTOR_ROLE = 'projector';

export interface LeaseTimes {
  /** How long a lease lasts without renewal, ms. */
  readonly ttlMs: number;
  readonly renewEveryMs: number;
}

export const defaultLeaseTimes: LeaseTimes = { ttlMs: 5_000, renewEveryMs: 1_000 };

/**
 * A row that names the leader and until when, by the database's clock. It only saves two processes from working for
 * nothing: a holder that slept through its lease is stopped by the checkpoint's compare-and-set, not by this.
 */
export class Lease {
  private readonly owner = randomUUID();

  constructor(
    private readonly role: string,
    private readonly ttlMs: number,
  ) {}

  /** Takes it when free or expired, or renews it when ours. False: somebody else holds it. */
  async hold(client: ClientBase): Promise<boolean> {
    const { rows } = await client.query({
      name: 'projection_hold_lease',
      text: `
        insert into projection_lease as l (role, owner, until)
        values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
        on conflict (role) do update
           set owner = excluded.owner,
               until = excluded.until,
               taken_at = case when l.owner = excluded.owner then l.taken_at else clock_timestamp() end
         where l.owner = excluded.owner or l.until < clock_timestamp()
        returning 1`,
      values: [this.role, this.owner, this.ttlMs],
    });
    return rows.length === 1;
  }

  /** Gives it up, so that the next one need not wait for it to expire. */
  async release(client: ClientBase): Promise<void> {
    await client.query(`update projection_lease set until = '-infinity' where role = $1 and owner = $2`, [
      this.role,
      this.owner,
    ]);
  }
}
