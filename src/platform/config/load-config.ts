import { ConfigError } from './config.error.js';
import type { Config } from './config.js';
import { readEnvironment } from './environment.js';
import { handOverVariable, receiveConfig } from './hand-over.js';
import { resolveConfig } from './resolve-config.js';
import { keySettings } from './settings.js';

/**
 * The settings of this process, wherever they come from: handed over by the supervisor that started it, or, in a process
 * started on its own, from its environment and `.env`. Afterwards no key in clear is left in `process.env`.
 *
 * Errors: {@link ConfigError}; a plain `Error` when the supervisor vanished.
 */
export async function loadConfig(): Promise<Config> {
  if (process.env[handOverVariable] !== undefined) return receiveConfig();
  const environment = await readEnvironment(process.env);
  const { config } = await resolveConfig(environment);
  for (const name of keySettings) delete process.env[name];
  const missing = [
    ...(config.eventStoreUrl === '' ? ['EVENTSTORE_URL'] : []),
    ...(config.databaseUrl === '' ? ['DATABASE_URL'] : []),
  ];
  if (missing.length === 0) return config;
  throw new ConfigError([
    `${missing.join(' and ')} must be set for a role that runs alone; "npm start" brings its own`,
  ]);
}
