import type { ClientBase } from 'pg';

/** The NOTIFY channel of switched and dropped versions. */
export const VERSIONS_CHANNEL = 'projection_versions';

export interface VersionRow {
  readonly projection: string;
  readonly version: number;
  /** `building`: fed by its rebuild. `live`: fed by the projector. */
  readonly state: 'building' | 'live';
  readonly isActive: boolean;
}

/** Every version of every projection that exists. */
export async function readVersions(client: ClientBase): Promise<readonly VersionRow[]> {
  const { rows } = await client.query<VersionRow>(
    `select c.projection, c.version, c.state, coalesce(a.version = c.version, false) as "isActive"
       from projection_checkpoint c
       left join projection_active a on a.projection = c.projection
      order by c.projection, c.version`,
  );
  return rows;
}
