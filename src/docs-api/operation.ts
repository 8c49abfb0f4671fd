import type { HeaderReader } from './headers.js';

/** A JSON schema, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

export interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

/** What the documentation says about one method of one route, beyond what the access table knows. */
export interface Operation extends HeaderReader {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: readonly QueryParameter[];
  readonly body?: { readonly schema: Schema; readonly example?: unknown; readonly required: boolean };
  /** Of the successful answer. */
  readonly status?: 200 | 201;
  /** The same answer also comes with this status. */
  readonly otherStatus?: 200;
  readonly contentType?: string;
  readonly answer?: Schema;
  readonly example?: unknown;
  /** Statuses beyond those that every route of its kind may answer. */
  readonly failures?: readonly number[];
}

export const text = (maxLength: number, description?: string): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  ...(description === undefined ? {} : { description }),
});
export const count: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
export const seconds: Schema = { type: 'integer', description: 'Unix seconds' };

export function object(properties: Record<string, Schema>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

export function listOf(name: string, items: Schema): Schema {
  const number = { type: 'integer' };
  return object({ [name]: { type: 'array', items }, total: number, page: number, limit: number });
}

/** A query parameter of one of some words. */
export function choice(name: string, description: string, words: readonly string[]): QueryParameter {
  return { name, description, schema: { enum: words } };
}

export function parameter(name: string, description: string, schema: Schema = { type: 'string' }): QueryParameter {
  return { name, description, schema };
}

export const paging = (cap: number): QueryParameter[] => [
  parameter('limit', `How many, at most ${cap}`, { type: 'integer', minimum: 1, default: Math.min(50, cap) }),
  parameter('offset', 'How many to skip', { type: 'integer', minimum: 0, default: 0 }),
];

export const asOf = parameter('asOf', 'As it was then: a position, ISO 8601 or unix seconds');
/** What an answer as of then says beside the usual body. */
export const asOfAnswer = object({ position: { type: 'string' }, recordedAt: { type: 'string' } });

/** Every query that takes it takes {@link stale}, too. */
export const atLeast = parameter('atLeast', 'Wait up to 2 s until the answer is true up to this position');
export const stale = choice('stale', '`atLeast` not reached in time: answer what there is instead of 503', ['ok']);
