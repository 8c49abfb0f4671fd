import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessRule, LimitClass } from '../auth/access-rule.js';
import type { Principal } from '../auth/principal.js';
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
/** Longer texts are no names: they are refused later, and have no bucket. */
const MAX_NAME = 200;
const TOO_MANY = 'Too many requests. Please try again later.';

/** Of what is dear: searches, exports, replays. */
export const TOO_MANY_OF_THIS = 'Too many requests for this resource. Please try again later.';

/** HTTP contract, section 3. */
const LIMITS = {
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
  search: { perCredential: perMinute(10), text: TOO_MANY_OF_THIS },
} satisfies Record<Exclude<LimitClass, 'unlimited'>, Limit>;

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
    const limitClass = limitClassOf(access, request);
    if (!this.enabled || limitClass === 'unlimited' || principal === undefined) return undefined;
    const limit: Limit = LIMITS[limitClass];
    const bucket = bucketOf(limitClass, principal);
    const agent = limit.perAgent && this.agentOf(limitClass, principal, request);
    const judge = (taken: Taken) => judged(taken, limit, reply);
    if (agent === undefined || limit.perAgent === undefined) {
      return after(this.buckets.take(bucket, limit.perCredential), judge);
    }
    const taken = after(this.buckets.take(`${bucket}:${agent}`, limit.perAgent), judge);
    return after(taken, (refused) => refused ?? this.capped(bucket, limit));
  }

  /** As {@link take} for the agent that a body names: what could not be counted before the body was read. */
  takeNamed(
    access: AccessRule,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const { principal } = request.mc;
    if (!this.enabled || access.limit !== 'queue' || principal === undefined) return undefined;
    const limit = LIMITS.queue;
    const name = isNamedByBody(request) ? pollerOf(request.body, principal) : undefined;
    if (name === undefined) return undefined;
    const agent = this.agentNamed(principal, name);
    return after(this.buckets.take(`${bucketOf('queue', principal)}:${agent}`, limit.perAgent), (taken) =>
      judged(taken, limit, reply),
    );
  }

  private capped(bucket: string, limit: Limit): Refusal | undefined | Promise<Refusal | undefined> {
    return after(this.buckets.take(bucket, limit.perCredential), (taken) =>
      taken.allowed ? undefined : tooMany(taken.share, limit),
    );
  }

  private agentOf(limit: LimitClass, principal: Principal, request: FastifyRequest): string | number | undefined {
    if (limit === 'queue') {
      const name = isNamedByBody(request) ? undefined : pollerOf(request.query, principal);
      return name === undefined ? undefined : this.agentNamed(principal, name);
    }
    const { id } = request.params as { id?: string };
    if (id === undefined) return undefined;
    return this.agents === undefined ? id : this.agents.agentId(principal.workspaceId, id);
  }

  /** The queue serves agents that nobody has registered, so a name has a bucket whoever it belongs to. */
  private agentNamed({ workspaceId }: Principal, name: string): string | number {
    return this.agents?.agentId(workspaceId, name) ?? name;
  }
}

function limitClassOf({ limit, limitByAction }: AccessRule, { query }: FastifyRequest): LimitClass {
  if (limitByAction === undefined) return limit;
  const { action } = query as { action?: unknown };
  return (typeof action === 'string' && Object.hasOwn(limitByAction, action) && limitByAction[action]) || limit;
}

function bucketOf(limit: LimitClass, { credentialId }: Principal): string {
  return `${limit}:${credentialId}`;
}

/** A poll names its agent in the query, else in the body, else in `x-agent-name`. */
function isNamedByBody({ method, query }: FastifyRequest): boolean {
  return method === 'POST' && nameIn(query) === undefined;
}

function pollerOf(parameters: unknown, { attributedTo }: Principal): string | undefined {
  return nameIn(parameters) ?? attributedTo;
}

function nameIn(parameters: unknown): string | undefined {
  const { agent } = (parameters ?? {}) as { agent?: unknown };
  return typeof agent === 'string' && agent.length <= MAX_NAME ? agent.trim().normalize('NFC') : undefined;
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
