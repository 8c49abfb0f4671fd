import { pino } from 'pino';
import type { Config } from '../config/config.js';
import type { Logger } from './logger.js';
import { prettyLines } from './pretty-lines.js';

/**
 * The log of a process: JSON lines on standard output, or lines for people when the format is `pretty`. `name` says
 * which role writes. Paths that could hold a credential are censored as a last net; nothing is meant to put one there.
 */
export function createLogger(config: Pick<Config, 'logLevel' | 'logFormat'>, name: string): Logger {
  const options = {
    level: config.logLevel,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: ['key', 'secret', 'token', 'ticket', 'password', 'authorization', '*.authorization', '*["x-api-key"]'],
      censor: '[redacted]',
    },
  };
  return config.logFormat === 'pretty' ? pino(options, prettyLines(process.stdout)) : pino(options);
}
