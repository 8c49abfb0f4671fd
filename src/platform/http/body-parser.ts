import type { FastifyRequest } from 'fastify';
import { parseJson } from './json-guard.js';

const NDJSON = /^application\/x-ndjson\s*(?:;|$)/i;
const PROTOBUF = /^application\/(?:x-|vnd\.google\.)?(?:protobuf|grpc)/i;

/**
 * The content type that the router is told. Bodies are JSON whatever the header says, so a header that the framework
 * would refuse must not reach it; NDJSON keeps its name for the one route that knows it.
 */
export function routedContentType(header: string): string {
  return NDJSON.test(header) ? 'application/x-ndjson' : 'application/json';
}

/** The binary encoding of OTLP, by the names that exporters give it. */
export function isProtobuf(header: string): boolean {
  return PROTOBUF.test(header);
}

/** Reads a body as the access rule of the matched route says. Throws a `Refusal` of 400. */
export function parseBody(request: FastifyRequest, bytes: Buffer): unknown {
  const kind = request.routeOptions.config.access?.body;
  if (kind === 'raw') return bytes;
  if (kind === 'json-or-ndjson' && request.headers['content-type'] === 'application/x-ndjson') return bytes;
  return parseJson(bytes);
}
