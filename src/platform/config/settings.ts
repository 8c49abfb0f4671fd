import { resolve } from 'node:path';
import { ConfigError } from './config.error.js';
import { type ProcessRole, processRoles } from './config.js';
import {
  addressOrNetwork,
  BadSetting,
  connectionString,
  hostName,
  listenHost,
  listOf,
  onOrOff,
  oneOf,
  type Parser,
  seconds,
  text,
  textUpTo,
  webOrigin,
  wholeNumber,
  zoneName,
} from './setting-parsers.js';

/** Variables by name, as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every variable that is read, but for keys: those have files and rules of their own. */
const parsers = {
  NODE_ENV: text,
  PORT: wholeNumber(0, 65_535),
  MC_HOST: listenHost,
  MC_DATA_DIR: text,
  EVENTSTORE_URL: connectionString('esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover'),
  DATABASE_URL: connectionString('postgres', 'postgresql'),
  MC_ROLES: listOf(oneOf('all', ...processRoles)),
  API_WORKERS: wholeNumber(1, 64),
  MC_CONNECTION_TIMEOUT: seconds(1, 86_400),
  MC_AGENT_TIMEOUT: seconds(1, 30 * 86_400),
  MC_TASK_LEASE: seconds(1, 30 * 86_400),
  MC_COORDINATOR_AGENT: textUpTo(100),
  MC_HEARTBEAT_RETENTION: seconds(60, 3_650 * 86_400),
  MC_RATE_LIMIT: onOrOff,
  MC_DISABLE_RATE_LIMIT: onOrOff,
  MC_STREAMS_PER_KEY: wholeNumber(1, 1_000_000),
  MC_STREAMS_PER_PROCESS: wholeNumber(1, 1_000_000),
  MC_LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  MC_LOG_FORMAT: oneOf('pretty', 'json'),
  MC_PRICES_FILE: text,
  MC_REPORTING_ZONES: listOf(zoneName),
  MC_TRUSTED_PROXIES: listOf(addressOrNetwork),
  MC_ALLOWED_HOSTS: listOf(hostName),
  MC_CORS_ORIGINS: listOf(webOrigin),
  MC_WEBHOOK_ALLOW: listOf(addressOrNetwork),
  MC_WEBHOOK_RATE: wholeNumber(1, 10_000),
  MC_WEBHOOK_RETRY_PERMILLE: wholeNumber(1, 1_000),
} satisfies Record<string, Parser<unknown>>;

/** The variables that hold or point to keys. */
export const keySettings = [
  'API_KEY',
  'MC_API_KEYS',
  'MC_API_KEYS_FILE',
  'MC_SECRET_KEY',
  'MC_SECRET_KEY_FILE',
] as const;

/** Names of all settings; `.env.example` lists exactly these. */
export const settingNames: readonly string[] = [...Object.keys(parsers), ...keySettings];

/** The settings without keys. An empty URL means: the embedded part. */
export type Settings = ReturnType<typeof readSettings>;

/**
 * Reads all settings but the keys. An empty variable counts as absent.
 *
 * Errors: {@link ConfigError} with every problem at once, not only the first.
 */
export function readSettings(environment: Environment) {
  const problems: string[] = [];
  const read = <K extends keyof typeof parsers, D>(name: K, fallback: D): ReturnType<(typeof parsers)[K]> | D => {
    const value = environment[name]?.trim() ?? '';
    if (value === '') return fallback;
    try {
      return parsers[name](value) as ReturnType<(typeof parsers)[K]>;
    } catch (error) {
      if (!(error instanceof BadSetting)) throw error;
      problems.push(`${name} must be ${error.message}`);
      return fallback;
    }
  };
  const host = read('MC_HOST', '127.0.0.1');
  const settings = {
    production: read('NODE_ENV', '') === 'production',
    port: read('PORT', 3_000),
    host,
    dataDir: resolve(read('MC_DATA_DIR', '.data')),
    eventStoreUrl: read('EVENTSTORE_URL', ''),
    databaseUrl: read('DATABASE_URL', ''),
    roles: rolesFrom(read('MC_ROLES', ['all'])),
    apiWorkers: read('API_WORKERS', 1),
    apiWorker: 1,
    connectionTimeoutSeconds: read('MC_CONNECTION_TIMEOUT', 90),
    agentTimeoutSeconds: read('MC_AGENT_TIMEOUT', 600),
    taskLeaseSeconds: read('MC_TASK_LEASE', 900),
    coordinatorAgent: read('MC_COORDINATOR_AGENT', ''),
    heartbeatRetentionSeconds: read('MC_HEARTBEAT_RETENTION', 7 * 86_400),
    rateLimit: read('MC_RATE_LIMIT', true) && !read('MC_DISABLE_RATE_LIMIT', false),
    streamsPerKey: read('MC_STREAMS_PER_KEY', 200),
    streamsPerProcess: read('MC_STREAMS_PER_PROCESS', 5_000),
    logLevel: read('MC_LOG_LEVEL', 'info' as const),
    logFormat: read('MC_LOG_FORMAT', process.stdout.isTTY ? ('pretty' as const) : ('json' as const)),
    reportingZones: read('MC_REPORTING_ZONES', ['UTC']),
    pricesFile: absolute(read('MC_PRICES_FILE', '')),
    trustedProxies: read('MC_TRUSTED_PROXIES', []),
    allowedHosts: read('MC_ALLOWED_HOSTS', [...new Set(['localhost', '127.0.0.1', '[::1]', hostInHeader(host)])]),
    corsOrigins: read('MC_CORS_ORIGINS', []),
    webhookAllow: read('MC_WEBHOOK_ALLOW', []),
    webhookRate: read('MC_WEBHOOK_RATE', 50),
    webhookRetryPermille: read('MC_WEBHOOK_RETRY_PERMILLE', 1_000),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** Names that begin like ours and are none: most likely misspelt. */
export function unknownSettings(environment: Environment): string[] {
  return Object.keys(environment).filter((name) => name.startsWith('MC_') && !settingNames.includes(name));
}

function rolesFrom(names: readonly ('all' | ProcessRole)[]): readonly ProcessRole[] {
  return names.includes('all') ? processRoles : processRoles.filter((role) => names.includes(role));
}

/** The processes that read the file need not share a working directory. */
function absolute(path: string): string {
  return path === '' ? path : resolve(path);
}

function hostInHeader(host: string): string {
  return host.includes(':') ? `[${host.toLowerCase()}]` : host.toLowerCase();
}
