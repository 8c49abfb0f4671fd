import { keyHash, keyPepper } from '../auth/key-hash.js';
import { ConfigError } from './config.error.js';
import type { Config, EnvironmentKey } from './config.js';
import { fileOf } from './environment.js';
import { type ClearKey, readEnvironmentKeys } from './environment-keys.js';
import { type GeneratedAdminKey, generatedAdminKey } from './generated-admin-key.js';
import { loadMasterKeys } from './master-keys.js';
import { type Environment, readSettings, unknownSettings } from './settings.js';

export interface ResolvedConfig {
  readonly config: Config;
  /** Set when no key was given: the key of the data directory is the admin key. */
  readonly generatedKey?: GeneratedAdminKey;
  /** Sentences that the operator should read; nothing is wrong enough to stop. */
  readonly warnings: readonly string[];
}

/**
 * Reads, checks and completes all settings; in clear keys become hashes here. Outside production a master key and an
 * admin key are made in the data directory when none is given.
 *
 * Errors: {@link ConfigError} with every problem that can be found at once.
 */
export async function resolveConfig(environment: Environment): Promise<ResolvedConfig> {
  const settings = readSettings(environment);
  const { faults, keys } = readEnvironmentKeys({
    apiKey: environment['API_KEY'] ?? '',
    variable: environment['MC_API_KEYS'] ?? '',
    file: await fileOf('MC_API_KEYS_FILE', environment),
  });
  if (faults.length > 0) throw new ConfigError(faults);
  if (keys.length === 0 && settings.production) {
    throw new ConfigError(['API_KEY, MC_API_KEYS or MC_API_KEYS_FILE must be set in production']);
  }
  const secretKeys = await loadMasterKeys({ ...(await givenMasterKeys(environment)), ...settings });
  const newest = secretKeys[0];
  if (newest === undefined) throw new ConfigError(['MC_SECRET_KEY: holds no key']);

  const generatedKey = keys.length === 0 ? await generatedAdminKey(settings.dataDir) : undefined;
  const active = generatedKey === undefined ? keys : [adminKey(generatedKey.key)];
  const pepper = keyPepper(newest.value);
  return {
    config: { ...settings, secretKeys, environmentKeys: active.map((key) => hashed(key, pepper)) },
    ...(generatedKey === undefined ? {} : { generatedKey }),
    warnings: [
      ...unknownSettings(environment).map((name) => `${name} is no setting of Mission Control and is ignored`),
      ...callbackWarnings(environment, settings.webhookAllow),
    ],
  };
}

function callbackWarnings(environment: Environment, allowed: readonly string[]): readonly string[] {
  return [
    ...((environment['WEBHOOK_SECRET'] ?? '') === ''
      ? []
      : [
          'WEBHOOK_SECRET is ignored: each agent has secrets of its own. ' +
            'POST /api/agents/{agent}/callback-secrets {"import": "…"} takes a secret for one agent',
        ]),
    ...(allowed.length === 0 ? [] : [`webhooks may reach ${allowed.join(', ')} (MC_WEBHOOK_ALLOW)`]),
  ];
}

async function givenMasterKeys(environment: Environment) {
  const content = environment['MC_SECRET_KEY'] ?? '';
  const file = await fileOf('MC_SECRET_KEY_FILE', environment);
  if (content.trim() !== '' && file !== '') {
    throw new ConfigError(['MC_SECRET_KEY and MC_SECRET_KEY_FILE are both set: keep one of them']);
  }
  return file === ''
    ? ({ setting: 'MC_SECRET_KEY', content } as const)
    : ({ setting: 'MC_SECRET_KEY_FILE', content: file } as const);
}

function adminKey(key: string): ClearKey {
  return { key, role: 'admin', workspaceId: 1, name: 'API Access' };
}

/** The id follows the key, not its place in the list: entries may move without changing who is who. */
function hashed({ key, ...rest }: ClearKey, pepper: Buffer): EnvironmentKey {
  const hash = keyHash(key, pepper);
  return { ...rest, hash, id: `env-${hash.slice(0, 16)}` };
}
