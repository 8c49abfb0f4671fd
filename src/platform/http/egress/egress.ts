import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { checkTarget, type EgressRefusal, type EgressRules, type EgressTarget } from './egress-target.js';

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
 * The one way out: every HTTP request to a URL that a user chose goes through here. It dials the checked address, follows
 * no redirect, uses no proxy, and shares no connection between calls.
 */
export class Egress {
  constructor(private readonly rules: EgressRules) {}

  /** Whether the URL may be called now. */
  async refusalOf(url: string): Promise<EgressRefusal | undefined> {
    const checked = await checkTarget(url, this.rules);
    return checked.kind === 'refused' ? checked.reason : undefined;
  }

  /** POSTs once. */
  async post(request: EgressRequest): Promise<EgressOutcome> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const checked = await within(deadline, checkTarget(request.url, this.rules));
    if (checked === undefined) return { kind: 'failed', error: 'timeout' };
    if (checked.kind === 'refused') return checked;
    return send(checked.target, request, deadline);
  }
}

function send(target: EgressTarget, { headers, body }: EgressRequest, deadline: AbortSignal): Promise<EgressOutcome> {
  const { url, address, port, name } = target;
  const secure = url.protocol === 'https:';
  const options: RequestOptions & { servername?: string } = {
    method: 'POST',
    host: address,
    port,
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host, 'content-length': String(body.length), connection: 'close' },
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal: deadline,
    ...(name === undefined ? {} : { servername: name }),
  };
  return new Promise((resolve) => {
    const failed = (error: unknown) =>
      resolve({ kind: 'failed', error: deadline.aborted ? 'timeout' : failureOf(error) });
    const outgoing = (secure ? tlsRequest : plainRequest)(options, (answer) => {
      excerptOf(answer).then((excerpt) => {
        resolve({ kind: 'answered', status: answer.statusCode ?? 0, headers: answer.headers, excerpt });
        outgoing.destroy();
      }, failed);
    });
    outgoing.once('error', failed);
    outgoing.end(body);
  });
}

async function excerptOf(answer: IncomingMessage): Promise<string> {
  const kept: Buffer[] = [];
  let read = 0;
  let keptBytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    read += chunk.length;
    const part = chunk.subarray(0, Math.max(0, MOST_KEPT_BYTES - keptBytes));
    kept.push(part);
    keptBytes += part.length;
    if (read >= MOST_READ_BYTES) break;
  }
  return Buffer.concat(kept).toString('utf8');
}

async function within<T>(deadline: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const late = () => resolve(undefined);
    deadline.addEventListener('abort', late, { once: true });
    work.then(resolve, reject).finally(() => deadline.removeEventListener('abort', late));
  });
}

function failureOf(error: unknown): EgressFailure {
  const code = String(Reflect.get(Object(error), 'code') ?? '');
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO' || /CERT|SELF_SIGNED/.test(code))
    return 'tls';
  if (code.startsWith('HPE_')) return 'protocol';
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code) ? 'connect' : 'reset';
}
