import { HttpException } from '@nestjs/common';
import { OutcomeUnknown, StoreUnavailable } from '../event-store/event-store.errors.js';
import { badRequest, notFound, Refusal, unavailable } from './errors.js';
import { notJson } from './json-guard.js';

const BY_FASTIFY_CODE: Readonly<Record<string, () => Refusal>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Refusal(413, 'Request body is too large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new Refusal(415, 'Unsupported content type'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: notJson,
  FST_ERR_CTP_INVALID_JSON_BODY: notJson,
  FST_ERR_CTP_EMPTY_JSON_BODY: notJson,
  FST_ERR_BAD_URL: () => badRequest('Invalid path'),
  FST_ERR_MAX_PARAM_LENGTH: () => notFound(),
};

/** SQLSTATE classes that say "not now": connection trouble, shutdown and start, out of resources, contention. */
const TRANSIENT_SQLSTATE = /^(?:08|53|57P|40001|40P01|55P03)/;
const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH']);
const CONNECTION_MESSAGES =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after calling end|Driver not Connected|Connection is not established)/;

/**
 * The refusal that an error amounts to, whatever threw it: ours, the framework's, the store's or the database's.
 * Undefined: it is our bug.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof OutcomeUnknown) return unavailable('The outcome is unknown; repeat with the same keys');
  if (error instanceof StoreUnavailable) return unavailable('The event store is not available');
  if (isDatabaseAway(error)) return unavailable('The read model is not available');
  if (error instanceof HttpException) return refusalOf(error.cause) ?? ofHttpException(error);
  return BY_FASTIFY_CODE[codeOf(error)]?.();
}

function ofHttpException(error: HttpException): Refusal | undefined {
  const status = error.getStatus();
  if (status === 404) return notFound();
  if (status === 503) return unavailable('Not available now');
  return status >= 400 && status < 500 ? badRequest('Invalid request') : undefined;
}

/** TypeORM and pg: a connection that cannot be made or broke, a server that starts, stops or is full. */
function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway);
  const code = codeOf(error);
  if (CONNECTION_CODES.has(code) && isFromDatabase(error)) return true;
  if (/^[0-9A-Z]{5}$/.test(code) && TRANSIENT_SQLSTATE.test(code)) return true;
  if (CONNECTION_MESSAGES.test(error.message)) return true;
  return 'driverError' in error && isDatabaseAway(error.driverError);
}

/** A socket error of the database connection, not of the request's own client that went away. */
function isFromDatabase(error: Error): boolean {
  return 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo' || 'query' in error);
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
