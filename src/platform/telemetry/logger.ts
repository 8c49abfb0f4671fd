/** One level of the log: a message, or fields and a message. */
export interface LogLine {
  (message: string): void;
  (fields: object, message?: string): void;
}

/**
 * What code logs to. Fields are structured and named; never a key, a secret, a ticket or a prompt among them. A `pino`
 * logger is one.
 */
export abstract class Logger {
  abstract readonly error: LogLine;
  abstract readonly warn: LogLine;
  abstract readonly info: LogLine;
  abstract readonly debug: LogLine;
  /** The same log with fields added to every line. */
  abstract child(fields: object): Logger;
  /** False: a line of this level would go nowhere, so do not build it. */
  abstract isLevelEnabled(level: string): boolean;
}
