import type { Logger } from '../../src/platform/telemetry/logger.js';

/** For specs where nobody reads the log. */
export const quietLogger: Logger = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => quietLogger,
  isLevelEnabled: () => false,
};
