import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../platform/config/config.js';
import { Database } from '../platform/read-models/database.js';
import { DerivedSecrets } from '../platform/secrets/derived-secret.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Secrets that were made elsewhere cannot be derived, and the log must not hold them: they lie sealed in a table of their
 * own, which no rebuild touches, and go when they end. A secret is here once, so no two agents share it.
 */
const CREATE = `
  create table if not exists imported_callback_secret (
    fingerprint text primary key,
    workspace_id integer not null,
    agent_id bigint not null,
    master_key_id text not null,
    sealed text not null,
    kept_at timestamptz not null default clock_timestamp()
  );`;
const KEEP = `
  insert into imported_callback_secret (fingerprint, workspace_id, agent_id, master_key_id, sealed)
  values ($1, $2, $3, $4, $5)
  on conflict (fingerprint) do nothing
  returning fingerprint`;

/** Whose an imported secret is. */
export interface ImportedSecret {
  readonly fingerprint: string;
  readonly workspaceId: number;
  readonly agentId: number;
}

interface Row {
  readonly fingerprint: string;
  readonly workspace_id: number;
  readonly agent_id: string;
  readonly master_key_id: string;
  readonly sealed: string;
}

@Injectable()
export class ImportedSecrets {
  private readonly marking: DerivedSecrets;
  private readonly sealing: DerivedSecrets;
  private readonly masterKeyIds: readonly string[];
  private readonly opened = new Map<string, string>();
  private created: Promise<unknown> | undefined;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG) config: Config,
  ) {
    this.marking = new DerivedSecrets(config.secretKeys, 'mc/callback-import-fingerprint/v1');
    this.sealing = new DerivedSecrets(config.secretKeys, 'mc/callback-import/v1');
    this.masterKeyIds = config.secretKeys.map(({ id }) => id);
  }

  /** What the log knows of a secret: nobody without the master key finds the secret by it. */
  fingerprintOf(secret: string): string {
    return this.fingerprintUnder(this.sealing.masterKeyId, secret);
  }

  /** Where the secret lies already, whichever master key it was kept under. Errors: 503. */
  async find(secret: string): Promise<readonly ImportedSecret[]> {
    const fingerprints = this.masterKeyIds.map((id) => this.fingerprintUnder(id, secret));
    return this.select('where fingerprint = any($1)', [fingerprints]);
  }

  /** Errors: 503. */
  all(): Promise<readonly ImportedSecret[]> {
    return this.select('', []);
  }

  /** False: it is kept already. Errors: 503. */
  async keep(workspaceId: number, agentId: number, secret: string): Promise<boolean> {
    await this.ready();
    const fingerprint = this.fingerprintOf(secret);
    const { masterKeyId } = this.sealing;
    const sealed = this.seal({ fingerprint, workspaceId, agentId }, masterKeyId, secret);
    const rows = await this.database.query(KEEP, [fingerprint, workspaceId, agentId, masterKeyId, sealed]);
    return rows.length === 1;
  }

  /** Errors: 503. */
  async forget(fingerprint: string): Promise<void> {
    await this.ready();
    await this.database.query('delete from imported_callback_secret where fingerprint = $1', [fingerprint]);
    this.opened.delete(fingerprint);
  }

  /** In clear; undefined when it is not there, or its master key is not configured any more. Errors: 503. */
  async open(fingerprint: string): Promise<string | undefined> {
    const known = this.opened.get(fingerprint);
    if (known !== undefined) return known;
    await this.ready();
    const [row] = await this.database.query<Row>('select * from imported_callback_secret where fingerprint = $1', [
      fingerprint,
    ]);
    const secret = row === undefined ? undefined : this.unseal(row);
    if (secret !== undefined) this.opened.set(fingerprint, secret);
    return secret;
  }

  private async select(where: string, values: readonly unknown[]): Promise<readonly ImportedSecret[]> {
    await this.ready();
    const rows = await this.database.query<Row>(`select * from imported_callback_secret ${where}`, values);
    return rows.map(ownerOf);
  }

  private fingerprintUnder(masterKeyId: string, secret: string): string {
    const key = this.marking.key(masterKeyId);
    if (key === undefined) throw new Error('there is no master key');
    return createHmac('sha256', key).update(secret).digest('hex');
  }

  private seal(owner: ImportedSecret, masterKeyId: string, secret: string): string {
    const key = this.sealing.key(masterKeyId);
    if (key === undefined) throw new Error('there is no master key');
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(owner));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
  }

  private unseal(row: Row): string | undefined {
    const key = this.sealing.key(row.master_key_id);
    if (key === undefined) return undefined;
    const bytes = Buffer.from(row.sealed, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAAD(boundTo(ownerOf(row))).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  }

  private ready(): Promise<unknown> {
    // Two processes may make it at once: the one that was late asks again.
    this.created ??= this.database
      .query(CREATE)
      .catch(() => this.database.query(CREATE))
      .catch((error: unknown) => {
        this.created = undefined;
        throw error;
      });
    return this.created;
  }
}

function ownerOf(row: Row): ImportedSecret {
  return { fingerprint: row.fingerprint, workspaceId: row.workspace_id, agentId: Number(row.agent_id) };
}

/** A sealed secret opens only for its owner. */
function boundTo({ workspaceId, agentId, fingerprint }: ImportedSecret): Buffer {
  return Buffer.from(`${workspaceId} ${agentId} ${fingerprint}`);
}
