import type { ExpectedRevision } from './event-store.js';

/** The stream moved on: reload, look whether our own events are already there, else decide again. */
export class RevisionConflict extends Error {
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    readonly actual: bigint | 'no_stream',
  ) {
    super(`${stream}: expected revision ${String(expected)}, found ${String(actual)}`);
    this.name = 'RevisionConflict';
  }
}

/** The store refused for good (deleted stream, too large, denied, malformed). Repeating cannot help. */
export class AppendRefused extends Error {
  constructor(
    readonly stream: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`append to ${stream} refused: ${reason}`, options);
    this.name = 'AppendRefused';
  }
}

/** Nobody knows whether the events are stored. Repeating the same append with the same ids is safe. */
export class OutcomeUnknown extends Error {
  constructor(
    readonly stream: string,
    options?: ErrorOptions,
  ) {
    super(`outcome of the append to ${stream} is unknown`, options);
    this.name = 'OutcomeUnknown';
  }
}

/** A read found no store to read from. */
export class StoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailable';
  }
}

/** The store does not accept this position: it is no event boundary there, or of another database. */
export class PositionRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PositionRefused';
  }
}

/** The proposal itself is wrong (no schema, schema broken, not JSON, no event at all): a bug of the caller, found before the store was called. */
export class MalformedEvent extends Error {
  constructor(
    readonly stream: string,
    readonly reason: string,
  ) {
    super(`malformed event for ${stream}: ${reason}`);
    this.name = 'MalformedEvent';
  }
}

/** A subscription or read ended for good: the stream is deleted or access is denied. Trying again cannot help. */
export class ReadRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReadRefused';
  }
}
