import type { StoredRecord } from '../storage/record.js';
import type { FilterOptions } from '../wire/request-messages.js';

/** A pattern comes from a client: longer ones are refused. */
const MAX_REGEX_LENGTH = 4096;
const DEFAULT_WINDOW = 32;

/** A filter that cannot be used. */
export class BadFilter extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadFilter';
  }
}

export interface EventFilter {
  readonly matches: (record: StoredRecord) => boolean;
  /** A checkpoint is due after so many considered events. */
  readonly checkpointEvery: number;
}

const compileRegex = (pattern: string): RegExp => {
  if (pattern.length > MAX_REGEX_LENGTH) throw new BadFilter('The regular expression of the filter is too long.');
  try {
    return new RegExp(pattern, 'u');
  } catch {
    try {
      return new RegExp(pattern);
    } catch (error) {
      throw new BadFilter(`The filter is no regular expression: ${error instanceof Error ? error.message : pattern}`);
    }
  }
};

/**
 * Compiles the filter of a request. A regular expression (JavaScript's dialect, unanchored) wins over the prefixes, which
 * compare byte by byte.
 * @throws BadFilter
 */
export const compileFilter = (options: FilterOptions): EventFilter => {
  const expression = options.subject === 'streamIdentifier' ? options.streamIdentifier : options.eventType;
  if (!expression) throw new BadFilter('The filter names neither streams nor types.');
  const textOf: (record: StoredRecord) => Buffer =
    options.subject === 'streamIdentifier' ? (record) => record.streamName : (record) => record.type;
  const window = options.window === 'max' ? (options.max ?? 0) : DEFAULT_WINDOW;
  const checkpointEvery = window * options.checkpointIntervalMultiplier;
  if (expression.regex !== '') {
    const regex = compileRegex(expression.regex);
    return { checkpointEvery, matches: (record) => regex.test(textOf(record).toString('utf8')) };
  }
  if (expression.prefix.length === 0) throw new BadFilter('The filter has neither a regular expression nor a prefix.');
  const prefixes = expression.prefix.map((prefix) => Buffer.from(prefix, 'utf8'));
  const startsWith = (text: Buffer): boolean =>
    prefixes.some(
      (prefix) => text.length >= prefix.length && text.compare(prefix, 0, prefix.length, 0, prefix.length) === 0,
    );
  return { checkpointEvery, matches: (record) => startsWith(textOf(record)) };
};
