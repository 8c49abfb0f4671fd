/** What the engine needs of a logger: pino has this shape. */
export interface EngineLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** For tests and tools that print their own progress. */
export const quietLogger: EngineLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
