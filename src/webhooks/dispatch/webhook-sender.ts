import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { CONFIG, type Config } from '../../platform/config/config.js';
import { dnsResolve, type EgressRefusal } from '../../platform/http/egress/egress-target.js';
import { Egress } from '../../platform/http/egress/egress.js';
import { readSubnets } from '../../platform/http/egress/public-address.js';
import type { AttemptFigures } from '../deliveries.events.js';
import type { WebhookState } from '../webhook.decider.js';
import { headersOf } from '../webhook-message.js';
import { WebhookSecrets } from '../webhook-secrets.js';

const TIMEOUT_MS = 15_000;
/** Ordinary ports of receivers: an own server on one of them is kept out by its address. */
const WEB_PORTS = [80, 443];

export interface SenderEndpoint {
  readonly webhookId: number;
  readonly workspaceId: number;
  readonly state: Pick<WebhookState, 'url' | 'headers' | 'secrets'>;
}

export interface Message {
  readonly deliveryId: string;
  readonly event: string;
  readonly body: Buffer;
  readonly attempt: number;
  readonly isReplay: boolean;
}

/** What came back. */
export interface Sent {
  readonly figures: AttemptFigures;
  readonly succeeded: boolean;
  readonly excerpt: string;
  readonly retryAfter: string | undefined;
  /** The target may not be called. */
  readonly refused: boolean;
}

/** One attempt: signs, sends through the guard, and says what came of it. Never throws. */
@Injectable()
export class WebhookSender {
  private readonly egress: Egress;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
  ) {
    this.egress = new Egress({
      plainAllowed: !config.production,
      allowed: readSubnets(config.webhookAllow.join(',')),
      ownPorts: ownPorts(config),
      resolve: dnsResolve(),
    });
  }

  refusalOf(url: string): Promise<EgressRefusal | undefined> {
    return this.egress.refusalOf(url);
  }

  /** An endpoint is gone: nobody uses its connections any more. */
  forget(webhookId: number): void {
    this.egress.forget(userOf(webhookId));
  }

  async send({ webhookId, workspaceId, state }: SenderEndpoint, message: Message): Promise<Sent> {
    const now = this.clock.now();
    const secrets = this.secrets.live(workspaceId, webhookId, state.secrets, now);
    const custom = this.secrets.opened(workspaceId, webhookId, state.headers);
    if (secrets === undefined || custom === undefined) return failure(message.attempt, 0, 'master key is gone');
    const began = performance.now();
    const timestamp = Math.floor(now.getTime() / 1_000);
    const outcome = await this.egress.post({
      url: state.url,
      headers: headersOf({ ...message, timestamp, secrets, custom }),
      body: message.body,
      timeoutMs: TIMEOUT_MS,
      user: userOf(webhookId),
    });
    const durationMs = Math.round(performance.now() - began);
    if (outcome.kind === 'refused') return { ...failure(message.attempt, durationMs, 'target refused'), refused: true };
    if (outcome.kind === 'failed') return failure(message.attempt, durationMs, outcome.error);
    const { status, excerpt, headers } = outcome;
    const succeeded = status >= 200 && status < 300;
    const retryAfter = headers['retry-after'];
    return {
      figures: {
        attempt: message.attempt,
        status,
        error: succeeded ? null : `status ${status}`,
        durationMs,
        responseBytes: Buffer.byteLength(excerpt),
        responseDigest: excerpt === '' ? null : hash('sha256', excerpt),
      },
      succeeded,
      excerpt,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      refused: false,
    };
  }
}

function userOf(webhookId: number): string {
  return `webhook ${webhookId}`;
}

function failure(attempt: number, durationMs: number, error: string): Sent {
  const figures = { attempt, status: null, error, durationMs, responseBytes: 0, responseDigest: null };
  return { figures, succeeded: false, excerpt: '', retryAfter: undefined, refused: false };
}

function ownPorts({ port, eventStoreUrl, databaseUrl }: Config): ReadonlySet<number> {
  const others = [eventStoreUrl, databaseUrl].flatMap((url) => {
    const [, found] = /:(\d{1,5})(?:[/?]|$)/.exec(url) ?? [];
    return found === undefined ? [] : [Number(found)];
  });
  return new Set([port, ...others].filter((each) => each > 0 && !WEB_PORTS.includes(each)));
}
