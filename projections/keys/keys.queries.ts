import type { SqlReader } from '../engine/sql.js';

/** An issued key as lists show it. Whether it counts is decided elsewhere, from the log. */
export interface ListedKey {
  readonly keyId: number;
  readonly agentId: number | null;
  readonly name: string;
  readonly prefix: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly createdBy: string;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface KeyPage {
  readonly rows: readonly ListedKey[];
  readonly total: number;
}

/** A limit of 0 asks for the total alone. */
export interface KeyPaging {
  readonly limit: number;
  readonly offset: number;
}

const COLUMNS = `
  k.key_id, k.agent_id, k.name, k.key_prefix, k.role, k.scopes, k.created_by, k.expires_at, k.created_at, k.revoked_at,
  u.last_used_at`;
const USES = `left join api_key_uses u on u.credential_id = 'key-' || k.key_id`;

/** Issued keys, revoked and expired ones included. Every method takes the caller's workspace. */
export class KeysQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Keys of the workspace itself, newest first. */
  ofWorkspace(workspaceId: number, paging: KeyPaging): Promise<KeyPage> {
    return this.page('workspace_id = $1 and agent_id is null', [workspaceId], paging);
  }

  /** Keys of one agent, newest first. */
  ofAgent(workspaceId: number, agentId: number, paging: KeyPaging): Promise<KeyPage> {
    return this.page('workspace_id = $1 and agent_id = $2', [workspaceId, agentId], paging);
  }

  /** The key that the last rotation issued, whatever has become of it. */
  async lastRotated(workspaceId: number): Promise<ListedKey | undefined> {
    const [row] = await this.sql.query<KeyRecord>(
      `select ${COLUMNS} from api_keys k ${USES}
        where k.workspace_id = $1 and k.agent_id is null and k.is_rotation
        order by k.created_at desc, k.key_id desc limit 1`,
      [workspaceId],
    );
    return row === undefined ? undefined : keyOf(row);
  }

  /** When these credentials were last seen; those that never were are absent. Coarse: about a minute. */
  async lastUses(credentialIds: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    if (credentialIds.length === 0) return new Map();
    const rows = await this.sql.query<{ credential_id: string; last_used_at: Date }>(
      'select credential_id, last_used_at from api_key_uses where credential_id = any($1::text[])',
      [credentialIds],
    );
    return new Map(rows.map((row) => [row.credential_id, row.last_used_at]));
  }

  private async page(where: string, values: readonly unknown[], { limit, offset }: KeyPaging): Promise<KeyPage> {
    const [at, of] = [values.length + 1, values.length + 2];
    const rows = await this.sql.query<Counted>(
      `select t.total, page.*
         from (select count(*) as total from api_keys where ${where}) t
         left join lateral (
           select ${COLUMNS}
             from (select * from api_keys where ${where} order by created_at desc, key_id desc limit $${at} offset $${of}) k ${USES}
         ) page on true
        order by page.created_at desc, page.key_id desc`,
      [...values, limit, offset],
    );
    return { rows: rows.filter(isKey).map(keyOf), total: Number(rows[0]?.total ?? 0) };
  }
}

interface KeyRecord {
  readonly key_id: string;
  readonly agent_id: string | null;
  readonly name: string;
  readonly key_prefix: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

// An empty page is one row that holds only the total.
interface Counted {
  readonly total: string;
}

const isKey = (row: Counted): row is Counted & KeyRecord => 'key_id' in row && row.key_id !== null;

function keyOf(row: KeyRecord): ListedKey {
  return {
    keyId: Number(row.key_id),
    agentId: row.agent_id === null ? null : Number(row.agent_id),
    name: row.name,
    prefix: row.key_prefix,
    role: row.role,
    scopes: row.scopes,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    updatedAt: row.revoked_at ?? row.created_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}
