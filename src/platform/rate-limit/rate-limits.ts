import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessRule, LimitClass } from '../auth/access-rule.js';
import { Refusal } from '../http/errors.js';
import type { AgentOfPath } from './agent-of-path.js';
import type { BucketSize } from './bucket-ledger.js';
import type { LocalShare } from './local-share.js';
import type { Taken, TokenBuckets } from './token-buckets.js';

interface Limit {
  readonly perCredential: BucketSize;
  readonly perAgent?: BucketSize;
  readonly text: string;
}

const perMinute = (count: number): BucketSize => ({ capacity: count, perSecond: count / 60 });
const TOO_MANY = 'Too many requests. Please try again later.';

/** HTTP contract, section 3. */
const LIMITS: Readonly<Record<Exclude<LimitClass, 'unlimited'>, Limit>> = {
  heartbeat: {
    perAgent: perMinute(30),
    perCredential: perMinute(6_000),
    text: 'Agent heartbeat rate limit exceeded.',
  },
  queue: {
    perAgent: perMinute(20),
    perCredential: perMinute(1_000),
    text: 'Agent task polling rate limit exceeded.',
  },
  tokens: { perCredential: perMinute(60_000), text: TOO_MANY },
  command: { perCredential: perMinute(600), text: TOO_MANY },
  query: { perCredential: perMinute(6_000), text: TOO_MANY },
  search: { perCredential: perMinute(10), text: 'Too many requests for this resource. Please try again later.' },
};

/** Step 4: too much from one credential, or for one agent by one credential, is 429. */
export class RateLimits {
  constructor(
    private readonly buckets: TokenBuckets,
    private readonly enabled: boolean,
    private readonly agents: AgentOfPath | undefined,
  ) {}

  /** Takes a token and writes the `RateLimit-*` headers. A promise only when the shared buckets must be asked. */
  take(
    access: AccessRule,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const { principal } = request.mc;
    if (!this.enabled || access.limit === 'unlimited' || principal === undefined) return undefined;
    const limit = LIMITS[access.limit];
    const bucket = `${access.limit}:${principal.credentialId}`;
    const agent = limit.perAgent && this.agentOf(principal.workspaceId, request);
    const judge = (taken: Taken) => judged(taken, limit, reply);
    if (agent === undefined || limit.perAgent === undefined) {
      return after(this.buckets.take(bucket, limit.perCredential), judge);
    }
    const taken = after(this.buckets.take(`${bucket}:${agent}`, limit.perAgent), judge);
    return after(taken, (refused) => refused ?? this.capped(bucket, limit));
  }

  private capped(bucket: string, limit: Limit): Refusal | undefined | Promise<Refusal | undefined> {
    return after(this.buckets.take(bucket, limit.perCredential), (taken) =>
      taken.allowed ? undefined : tooMany(taken.share, limit),
    );
  }

  private agentOf(workspaceId: number, request: FastifyRequest): string | number | undefined {
    const { id } = request.params as { id?: string };
    if (id === undefined) return undefined;
    return this.agents === undefined ? id : this.agents.agentId(workspaceId, id);
  }
}

function judged({ allowed, share }: Taken, limit: Limit, reply: FastifyReply): Refusal | undefined {
  reply.header('ratelimit-limit', share.size.capacity);
  reply.header('ratelimit-remaining', share.remaining);
  reply.header('ratelimit-reset', share.resetSeconds);
  return allowed ? undefined : tooMany(share, limit);
}

function tooMany(share: LocalShare, limit: Limit): Refusal {
  const seconds = String(share.retryAfterSeconds(performance.now()));
  const capacity = String(share.size.capacity);
  const headers = {
    'retry-after': seconds,
    'ratelimit-limit': capacity,
    'ratelimit-remaining': '0',
    'ratelimit-reset': seconds,
  };
  if (limit.perAgent === undefined) return new Refusal(429, limit.text, {}, headers);
  const known = { 'x-ratelimit-limit': capacity, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': seconds };
  return new Refusal(429, limit.text, {}, { ...headers, ...known });
}

/** Goes on at once with a value, later with a promise of one: the hot path allocates no promise. */
function after<T, R>(value: T | Promise<T>, step: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(step) : step(value);
}
