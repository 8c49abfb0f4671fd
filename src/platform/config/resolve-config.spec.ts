import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keyHash, keyPepper } from '../auth/key-hash.js';
import { readEnvironment } from './environment.js';
import { noteAdminKeyShown } from './generated-admin-key.js';
import { configMessage } from './hand-over.js';
import { resolveConfig } from './resolve-config.js';

const apiKey = 'an-operator-chose-this-key-1';
const secretKey = Buffer.alloc(32, 7).toString('base64');

describe('the resolved configuration', () => {
  let dir: string;
  let base: Record<string, string>;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-config-'));
    base = { MC_DATA_DIR: join(dir, 'data') };
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('holds keyed hashes of the keys, never the keys', async () => {
    const { config } = await resolveConfig({ ...base, API_KEY: apiKey, MC_SECRET_KEY: secretKey });
    expect(config.environmentKeys).toEqual([
      expect.objectContaining({ role: 'admin', hash: keyHash(apiKey, keyPepper(Buffer.alloc(32, 7))) }),
    ]);
    expect(JSON.stringify(configMessage(config))).not.toContain(apiKey);
  });

  it('says what it ignores and what it opens, and no value of a secret', async () => {
    const { warnings } = await resolveConfig({
      ...base,
      WEBHOOK_SECRET: 'one-secret-for-all-agents',
      MC_WEBHOOK_ALLOW: '10.0.0.0/8',
    });
    expect(warnings).toEqual([
      expect.stringContaining('WEBHOOK_SECRET is ignored'),
      'webhooks may reach 10.0.0.0/8 (MC_WEBHOOK_ALLOW)',
    ]);
    expect(warnings.join('')).not.toContain('one-secret');
  });

  it('makes an admin key and a master key on first start, mode 0600, and keeps them', async () => {
    const first = await resolveConfig(base);
    expect(first.generatedKey).toMatchObject({ wasShown: false, key: expect.stringMatching(/^mck_[0-9A-Za-z]{36}$/) });
    expect(await resolveConfig(base)).toEqual(first);
    for (const file of ['admin-key', 'secret-key']) {
      expect((await stat(join(dir, 'data', file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(join(dir, 'data'))).mode & 0o777).toBe(0o700);
  });

  it('knows that a generated key was shown once somebody says so, not because it is there', async () => {
    const { generatedKey } = await resolveConfig(base);
    if (generatedKey === undefined) throw new Error('no key was generated');
    expect((await resolveConfig(base)).generatedKey?.wasShown).toBe(false);
    await noteAdminKeyShown(generatedKey);
    expect((await resolveConfig(base)).generatedKey).toEqual({ ...generatedKey, wasShown: true });
  });

  it('agrees on one generated key when two start at once', async () => {
    const both = await Promise.all([resolveConfig(base), resolveConfig(base)]);
    expect(both[0].config).toEqual(both[1].config);
  });

  it('generates nothing when a key is given', async () => {
    expect((await resolveConfig({ ...base, API_KEY: apiKey })).generatedKey).toBeUndefined();
    await expect(readFile(join(dir, 'data', 'admin-key'))).rejects.toThrow('ENOENT');
  });

  it('refuses to start in production without keys or without a master key', async () => {
    const production = { ...base, NODE_ENV: 'production' };
    await expect(resolveConfig(production)).rejects.toThrow(/^API_KEY, MC_API_KEYS or MC_API_KEYS_FILE must be set/);
    await expect(resolveConfig({ ...production, API_KEY: apiKey })).rejects.toThrow(
      /^MC_SECRET_KEY or MC_SECRET_KEY_FILE/,
    );
    const complete = { ...production, API_KEY: apiKey, MC_SECRET_KEY: secretKey };
    expect((await resolveConfig(complete)).config.production).toBe(true);
  });

  it('reads keys from files and names the file setting when it cannot', async () => {
    const file = join(dir, 'keys');
    await writeFile(file, `# comment\n${apiKey}:viewer:default:Dash\n`);
    const { config } = await resolveConfig({ ...base, MC_API_KEYS_FILE: file });
    expect(config.environmentKeys).toEqual([expect.objectContaining({ role: 'viewer', name: 'Dash' })]);
    await expect(resolveConfig({ ...base, MC_API_KEYS_FILE: join(dir, 'absent') })).rejects.toThrow(
      /^MC_API_KEYS_FILE: the file cannot be read \(ENOENT\)$/,
    );
  });

  it('takes several master keys, newest first, and refuses malformed ones by number', async () => {
    const older = Buffer.alloc(32, 9).toString('base64');
    const { config } = await resolveConfig({ ...base, API_KEY: apiKey, MC_SECRET_KEY: `2026b:${secretKey},${older}` });
    expect(config.secretKeys.map(({ id }) => id)).toEqual(['2026b', expect.stringMatching(/^[0-9a-f]{8}$/)]);
    await expect(resolveConfig({ ...base, MC_SECRET_KEY: `${secretKey},c2hvcnQ=` })).rejects.toThrow(
      'MC_SECRET_KEY entry 2: must be 32 bytes in base64, alone or as id:value',
    );
    await expect(resolveConfig({ ...base, MC_SECRET_KEY: `${secretKey},${secretKey}` })).rejects.toThrow(
      'entry 2: the same',
    );
  });

  it('keeps the id of a key when other entries come before it', async () => {
    const environment = { ...base, MC_SECRET_KEY: secretKey };
    const alone = await resolveConfig({ ...environment, MC_API_KEYS: `${apiKey}:viewer` });
    const second = await resolveConfig({ ...environment, MC_API_KEYS: `another-${apiKey}:admin,${apiKey}:viewer` });
    expect(second.config.environmentKeys[1]?.id).toBe(alone.config.environmentKeys[0]?.id);
  });

  it('reads .env below the variables of the process', async () => {
    const file = join(dir, '.env');
    await writeFile(file, 'PORT=4000\nMC_HOST="127.0.0.2" # comment\n');
    expect(await readEnvironment({ PORT: '5000' }, file)).toEqual({ PORT: '5000', MC_HOST: '127.0.0.2' });
    expect(await readEnvironment({ PORT: '5000' }, join(dir, 'none'))).toEqual({ PORT: '5000' });
  });
});
