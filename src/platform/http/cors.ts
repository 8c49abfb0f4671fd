import type { FastifyReply } from 'fastify';

const ALLOWED_HEADERS =
  'Authorization, x-api-key, Last-Event-ID, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, x-agent-name, x-csrf-token, traceparent';
const EXPOSED_HEADERS =
  'x-mc-position, x-mc-consistency, x-mc-lag-events, x-mc-lag-seconds, x-request-id, idempotent-replayed, etag, ' +
  'ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after';
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** Writes the CORS headers for a listed origin; nothing at all while no origin is listed. */
export function writeCorsHeaders(reply: FastifyReply, origin: string | undefined, listed: ReadonlySet<string>): void {
  if (listed.size === 0) return;
  reply.header('vary', 'Origin');
  if (origin === undefined || !listed.has(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-allow-credentials', 'true');
  reply.header('access-control-expose-headers', EXPOSED_HEADERS);
}

/** True when the request was a preflight of a listed origin; it is answered then. */
export function answeredPreflight(
  method: string,
  headers: Readonly<Record<string, unknown>>,
  reply: FastifyReply,
  listed: ReadonlySet<string>,
): boolean {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  if (!listed.has(String(headers['origin']))) return false;
  reply.header('access-control-allow-methods', ALLOWED_METHODS);
  reply.header('access-control-allow-headers', ALLOWED_HEADERS);
  reply.header('access-control-max-age', '600');
  reply.code(204).send();
  return true;
}
