import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The caller's `X-Request-Id` when it is 1–128 of `A–Z a–z 0–9 . _ -`, else a new UUID. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}

/** All facts of one request share it: the request id when it is a UUID, else a new one. */
export function correlationIdOf(requestId: string): string {
  return UUID.test(requestId) ? requestId.toLowerCase() : randomUUID();
}
