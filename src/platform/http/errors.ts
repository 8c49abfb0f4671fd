/**
 * What may go wrong with a request, as a small closed family. Features throw these; one filter turns them into
 * `{"error", "details"?, …extra}` with the status. Anything else that reaches the filter is our bug: 500 with the request id.
 */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 412 | 413 | 415 | 422 | 429 | 431 | 503;

export class Refusal extends Error {
  constructor(
    readonly status: RefusalStatus,
    message: string,
    /** Extra fields of the body, e.g. `details` or `connection_status`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
    /** Extra response headers, e.g. `Retry-After`. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

export const invalid = (details: readonly string[], error = 'Validation failed') =>
  new Refusal(400, error, { details });
export const badRequest = (error: string) => new Refusal(400, error);
export const notFound = (error = 'Not found') => new Refusal(404, error);
export const conflict = (error: string, extra: Readonly<Record<string, unknown>> = {}) =>
  new Refusal(409, error, extra);

/** The store or a read model is away, or contention did not settle: the outcome is unknown, repeat with the same keys. */
export const unavailable = (error: string, retryAfterSeconds = 1) =>
  new Refusal(503, error, {}, { 'retry-after': String(retryAfterSeconds) });
