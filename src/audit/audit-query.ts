import type { Position } from '../platform/event-store/position.js';
import { parsePosition } from '../platform/event-store/position-text.js';
import { badRequest } from '../platform/http/errors.js';
import { integer, oneOf, text, type Query } from '../platform/http/list-query.js';

/** What of the history is asked for. Every part that is given must hold. */
export interface AuditQuery {
  readonly types: readonly string[];
  readonly actor: string | undefined;
  /** Id or name. */
  readonly agent: string | undefined;
  readonly task: number | undefined;
  readonly stream: string | undefined;
  readonly correlation: string | undefined;
  /** When the server learned it, ms since 1970, both ends included. */
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  /** Exclusive. */
  readonly from: Position | undefined;
  readonly order: 'asc' | 'desc';
  /** Undefined: without end, for NDJSON only. */
  readonly limit: number | undefined;
}

const PAGE = { byDefault: 1_000, cap: 10_000 };
const TYPE = /^[A-Za-z][A-Za-z0-9]{0,99}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;
const UNIX_SECONDS = /^\d{1,11}(\.\d{1,3})?$/;

/** Reads the query of `GET /api/audit/events`. Throws a 400 for what is malformed. */
export function readAuditQuery(query: Query, generation: string, isEndless: boolean): AuditQuery {
  const limit = integer(query, 'limit', 1);
  return {
    types: readTypes(query),
    actor: text(query, 'actor'),
    agent: text(query, 'agent', 400)?.normalize('NFC'),
    task: integer(query, 'task', 1),
    stream: text(query, 'stream', 300),
    correlation: text(query, 'correlation'),
    sinceMs: readInstant(query, 'since'),
    untilMs: readInstant(query, 'until'),
    from: readFrom(query, generation),
    order: oneOf(query, 'order', ['asc', 'desc']) ?? 'asc',
    limit: isEndless ? limit : Math.min(limit ?? PAGE.byDefault, PAGE.cap),
  };
}

function readTypes(query: Query): readonly string[] {
  const types = text(query, 'type', 2_000)?.split(',') ?? [];
  if (types.length > 50 || !types.every((type) => TYPE.test(type))) {
    throw badRequest('Invalid type. Expected names of event types, comma-separated.');
  }
  return types;
}

export function readFrom(query: Query, generation: string): Position | undefined {
  const from = text(query, 'from');
  if (from === undefined) return undefined;
  const parsed = parsePosition(from, generation);
  if (parsed.kind !== 'position') throw badRequest('Invalid position');
  return parsed.position;
}

export function readInstant(query: Query, name: string): number | undefined {
  const value = text(query, name, 40);
  if (value === undefined) return undefined;
  const ms = UNIX_SECONDS.test(value) ? Number(value) * 1000 : INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw badRequest(`Invalid ${name}. Expected ISO 8601 or unix seconds.`);
  return ms;
}
