const SHAPE = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * True for a `traceparent` of W3C Trace Context (https://www.w3.org/TR/trace-context/#traceparent-header): version,
 * trace id, parent id and flags in lower-case hex; all-zero ids and version `ff` are invalid. Version `00` has exactly
 * these four fields; a later version may append more after a dash, which we do not carry.
 */
export function isTraceparent(text: string): boolean {
  return SHAPE.test(text) && !text.startsWith('ff');
}

/** The header as metadata may keep it: the value when it is valid, else nothing. A broken header is never an error. */
export function traceparentOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  return isTraceparent(text) ? text : undefined;
}
