import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { checkTarget, type EgressRefusal, type EgressRules, readTarget } from './egress-target.js';
import { GuardedAgent, TargetRefused } from './guarded-agent.js';

/** Longest of the answer that is read; then the socket is destroyed. */
const MOST_READ_BYTES = 64 * 1_024;
/** Longest of the answer that is kept. */
const MOST_KEPT_BYTES = 20_000;
const MAX_HEADER_BYTES = 16 * 1_024;

export interface EgressRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** For everything: resolving, connecting, sending, and the whole answer. */
  readonly timeoutMs: number;
  /** Calls of one user to one origin share connections, and with nobody else. Undefined: this call has its own. */
  readonly user?: string;
}

/** What became of a call. Nothing is thrown: a receiver's fault is an answer, too. */
export type EgressOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      /** At most 20,000 bytes, as text. Foreign: escape it where it is shown. */
      readonly excerpt: string;
    }
  | { readonly kind: 'refused'; readonly reason: EgressRefusal }
  | { readonly kind: 'failed'; readonly error: EgressFailure };

export type EgressFailure = 'timeout' | 'tls' | 'reset' | 'connect' | 'protocol';

/**
 * The one way out: every HTTP request to a URL that a user chose goes through here. It dials checked addresses alone,
 * follows no redirect, uses no proxy, and shares connections only between calls of one user to one origin.
 */
export class Egress {
  private readonly agents = new Map<string, GuardedAgent>();

  constructor(private readonly rules: EgressRules) {}

  /** Whether the URL may be called now. */
  async refusalOf(url: string): Promise<EgressRefusal | undefined> {
    const checked = await checkTarget(url, this.rules);
    return checked.kind === 'refused' ? checked.reason : undefined;
  }

  /** POSTs once. */
  async post(request: EgressRequest): Promise<EgressOutcome> {
    const url = readTarget(request.url, this.rules);
    if (typeof url === 'string') return { kind: 'refused', reason: url };
    return send(url, request, this.agentFor(url, request.user));
  }

  /** Leaves the connections of a user to their end. */
  forget(user: string): void {
    this.agents.delete(user);
  }

  /** The user's connections to another origin are of no use any more, and closed when their calls end. */
  private agentFor(url: URL, user: string | undefined): GuardedAgent {
    const known = user === undefined ? undefined : this.agents.get(user);
    if (known?.origin === url.origin) return known;
    const agent = new GuardedAgent(url, () => checkTarget(url.href, this.rules));
    if (user !== undefined) this.agents.set(user, agent);
    return agent;
  }
}

function send(
  url: URL,
  { headers, body, timeoutMs, user }: EgressRequest,
  agent: GuardedAgent,
): Promise<EgressOutcome> {
  const secure = url.protocol === 'https:';
  const options: RequestOptions = {
    method: 'POST',
    host: url.hostname,
    port: url.port,
    path: `${url.pathname}${url.search}`,
    headers: {
      ...headers,
      host: url.host,
      'content-length': String(body.length),
      connection: user === undefined ? 'close' : 'keep-alive',
    },
    agent,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  return new Promise((resolve) => {
    let isLate = false;
    const settle = (outcome: EgressOutcome) => {
      clearTimeout(deadline);
      resolve(outcome);
    };
    const failed = (error: unknown) => {
      outgoing.destroy();
      if (error instanceof TargetRefused) settle({ kind: 'refused', reason: error.reason });
      else settle({ kind: 'failed', error: isLate ? 'timeout' : failureOf(error) });
    };
    const outgoing = (secure ? tlsRequest : plainRequest)(options, (answer) => {
      readExcerpt(answer, (excerpt) => {
        settle({ kind: 'answered', status: answer.statusCode ?? 0, headers: answer.headers, excerpt });
      });
      answer.once('error', failed);
    });
    const deadline = setTimeout(() => {
      isLate = true;
      failed(undefined);
    }, timeoutMs);
    outgoing.on('error', failed);
    outgoing.end(body);
  });
}

/** Reads to the end, so that the connection can be used again, or as far as is borne. */
function readExcerpt(answer: IncomingMessage, done: (excerpt: string) => void): void {
  const kept: Buffer[] = [];
  let read = 0;
  let keptBytes = 0;
  const finish = () => done(Buffer.concat(kept).toString('utf8'));
  answer.on('data', (chunk: Buffer) => {
    read += chunk.length;
    const part = chunk.subarray(0, Math.max(0, MOST_KEPT_BYTES - keptBytes));
    kept.push(part);
    keptBytes += part.length;
    if (read < MOST_READ_BYTES) return;
    finish();
    answer.destroy();
  });
  answer.once('end', finish);
}

function failureOf(error: unknown): EgressFailure {
  const code = String(Reflect.get(Object(error), 'code') ?? '');
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO' || /CERT|SELF_SIGNED/.test(code))
    return 'tls';
  if (code.startsWith('HPE_')) return 'protocol';
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code) ? 'connect' : 'reset';
}
