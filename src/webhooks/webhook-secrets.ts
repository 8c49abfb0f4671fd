import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isLive, type KnownSecret } from '../callbacks/callback-secrets.decider.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { DerivedSecrets } from '../platform/secrets/derived-secret.js';
import type { SealedHeader } from './webhooks.events.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The secrets of endpoints and the values of their own headers: in clear only here, and nowhere stored. */
@Injectable()
export class WebhookSecrets {
  private readonly signing: DerivedSecrets;
  private readonly sealing: DerivedSecrets;
  /** Of what dispatchers hold and use a thousand times a second. */
  private readonly unsealed = new WeakMap<readonly SealedHeader[], Readonly<Record<string, string>>>();

  constructor(@Inject(CONFIG) config: Config) {
    this.signing = new DerivedSecrets(config.secretKeys, 'mc/webhook-secret/v1');
    this.sealing = new DerivedSecrets(config.secretKeys, 'mc/webhook-headers/v1');
  }

  get masterKeyId(): string {
    return this.signing.masterKeyId;
  }

  /** As shown once; undefined when its master key is not configured any more. */
  shown(workspaceId: number, webhookId: number, { secretId, masterKeyId }: Omit<KnownSecret, 'validUntil'>) {
    return this.signing.shown(masterKeyId, String(workspaceId), String(webhookId), String(secretId));
  }

  /** What signs at this instant, newest first; undefined when one of them cannot be derived: nothing goes out unsigned. */
  live(
    workspaceId: number,
    webhookId: number,
    secrets: readonly KnownSecret[],
    now: Date,
  ): readonly string[] | undefined {
    const instant = now.toISOString();
    const shown = secrets
      .filter((secret) => isLive(secret, instant))
      .toReversed()
      .map((secret) => this.shown(workspaceId, webhookId, secret));
    return shown.every((each) => each !== undefined) ? shown : undefined;
  }

  /** The same value gives the same text, so that a repeated command finds that nothing changed. */
  seal(workspaceId: number, webhookId: number, name: string, value: string): SealedHeader {
    const { masterKeyId } = this.sealing;
    const key = this.key(masterKeyId, workspaceId, webhookId, name);
    if (key === undefined) throw new Error('there is no master key');
    const nonce = createHmac('sha256', key).update(value).digest().subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
    const sealed = Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    return { name, sealed, masterKeyId };
  }

  /** Undefined when a master key is not configured any more. */
  opened(
    workspaceId: number,
    webhookId: number,
    headers: readonly SealedHeader[],
  ): Readonly<Record<string, string>> | undefined {
    const known = this.unsealed.get(headers);
    if (known !== undefined) return known;
    const opened: Record<string, string> = {};
    for (const { name, sealed, masterKeyId } of headers) {
      const key = this.key(masterKeyId, workspaceId, webhookId, name);
      if (key === undefined) return undefined;
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      opened[name] = Buffer.concat([text, decipher.final()]).toString('utf8');
    }
    this.unsealed.set(headers, opened);
    return opened;
  }

  private key(masterKeyId: string, workspaceId: number, webhookId: number, name: string): Buffer | undefined {
    return this.sealing.key(masterKeyId, String(workspaceId), String(webhookId), name);
  }
}
