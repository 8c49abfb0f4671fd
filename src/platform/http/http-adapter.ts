import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { DEFAULT_BODY_LIMIT } from '../auth/access-table.js';
import { requestIdOf } from './request-id.js';
import { SECURITY_HEADERS } from './security-headers.js';

/** Time limits of a connection, ms. */
export interface ConnectionLimits {
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last of its body. */
  readonly requestTimeoutMs: number;
  readonly checkIntervalMs: number;
}

const LIMITS: ConnectionLimits = { headersTimeoutMs: 10_000, requestTimeoutMs: 30_000, checkIntervalMs: 2_000 };
const HEADERS_LIMIT = 16 * 1024;

/** What answers a target that the router cannot read (`/%zz`); hooks do not run for it, so it must do their work. */
export type UnroutableHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/**
 * The Fastify adapter with every limit set explicitly: body 1 MiB (routes say more in the access table), request line
 * and headers 16 KiB (431), body within 30 s (408), paths exact (case, slashes, no `;`). Repeated headers are joined
 * with ", ", so that a key sent twice shows. No middleware layer: everything hangs on routes and hooks.
 */
export function fastifyAdapter(unroutable: UnroutableHandler, limits: ConnectionLimits = LIMITS): FastifyAdapter {
  return new FastifyAdapter({
    skipMiddie: true,
    logger: false,
    bodyLimit: DEFAULT_BODY_LIMIT,
    forceCloseConnections: true,
    requestIdHeader: false,
    genReqId: requestIdOf,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: 65_000,
    frameworkErrors: unroutable as FastifyServerOptions['frameworkErrors'] & object,
    clientErrorHandler: answerBrokenRequest,
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      // The header limit bounds a path; a long name is a name that does not exist, not another kind of error.
      maxParamLength: HEADERS_LIMIT,
    },
    http: {
      maxHeaderSize: HEADERS_LIMIT,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      joinDuplicateHeaders: true,
      requireHostHeader: false,
    },
  });
}

/** Answers what the HTTP parser gave up on. There is no request object yet; the connection closes. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] = statusOf(error.code);
  const body = JSON.stringify({ error: text });
  const headers = Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `${headers.join('')}connection: close\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): readonly [string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['431 Request Header Fields Too Large', 'Request headers are too large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'The request did not arrive in time'];
    default:
      return ['400 Bad Request', 'Malformed HTTP request'];
  }
}
