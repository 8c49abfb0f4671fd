import type { FastifyReply } from 'fastify';
import type { Refusal } from './errors.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The one error shape: `{"error", …extra}`. */
export function refusalBody(refusal: Refusal): string {
  return JSON.stringify({ error: refusal.message, ...refusal.extra });
}

/** Answers with a refusal. Headers that a handler prepared for its success and that would lie now are taken back. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): void {
  reply.removeHeader('etag').removeHeader('content-disposition').removeHeader('last-modified');
  reply.code(refusal.status).headers(refusal.headers).header('content-type', JSON_TYPE).send(refusalBody(refusal));
}

/** The same shape for statuses that no feature may throw. */
export function sendFailure(reply: FastifyReply, status: number, error: string): void {
  reply.code(status).header('content-type', JSON_TYPE).send(JSON.stringify({ error }));
}
