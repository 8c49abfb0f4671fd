import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { RefusalJournal } from '../platform/auth/refusal-journal.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { Refusal } from '../platform/http/errors.js';
import type { RequestContext } from '../platform/http/request-context.js';
import { TokenBuckets } from '../platform/rate-limit/token-buckets.js';
import { Logger } from '../platform/telemetry/logger.js';
import type { RefusedSignature } from './signature/verify.js';

const GOOD = { capacity: 600, perSecond: 10 };
const REFUSED = { capacity: 60, perSecond: 1 };

/**
 * How many callbacks a process takes: of an agent, and of bad ones from an address. The signature is checked all the same,
 * so a good one passes whoever else shares its address.
 */
@Injectable()
export class CallbackLimits implements OnApplicationShutdown {
  private readonly buckets = new TokenBuckets(undefined);

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly journal: RefusalJournal,
    private readonly logger: Logger,
  ) {}

  onApplicationShutdown(): void {
    this.buckets.stop();
  }

  /** Notes the refusal; the reason goes to the log, never to the caller. Gives a 429 when there were too many. */
  async refused(reference: string, context: RequestContext, reason: RefusedSignature): Promise<Refusal | undefined> {
    this.journal.record('callback_refused', context, '/api/callbacks/{agent}', { reason });
    this.logger.info({ reason, requestId: context.requestId, client: context.clientAddress }, 'a callback was refused');
    return this.take(`refused ${context.clientAddress} ${reference.slice(0, 100)}`, REFUSED);
  }

  /** Errors: 429. */
  async taken(agentId: number): Promise<void> {
    const refusal = await this.take(`good ${agentId}`, GOOD);
    if (refusal !== undefined) throw refusal;
  }

  private async take(bucket: string, size: typeof GOOD): Promise<Refusal | undefined> {
    if (!this.config.rateLimit) return undefined;
    const { allowed, share } = await this.buckets.take(bucket, size);
    if (allowed) return undefined;
    const seconds = String(share.retryAfterSeconds(performance.now()));
    return new Refusal(429, 'Too many requests. Please try again later.', {}, { 'retry-after': seconds });
  }
}
