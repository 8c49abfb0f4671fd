/** What the gateway needs of a logger; pino's is one. */
export interface StoreLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export const silentLogger: StoreLogger = { info: () => undefined, warn: () => undefined };
