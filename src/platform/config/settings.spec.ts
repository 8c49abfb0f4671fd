import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ConfigError } from './config.error.js';
import { readSettings, settingNames, unknownSettings } from './settings.js';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('settings', () => {
  it('has a default for everything: an empty environment starts', () => {
    expect(readSettings({})).toMatchObject({
      port: 3_000,
      host: '127.0.0.1',
      eventStoreUrl: '',
      databaseUrl: '',
      roles: ['api', 'projector', 'reactors'],
      apiWorkers: 1,
      apiWorker: 1,
      connectionTimeoutSeconds: 90,
      agentTimeoutSeconds: 600,
      rateLimit: true,
      production: false,
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
    });
  });

  it('counts an empty variable as absent', () => {
    expect(readSettings({ PORT: ' ', MC_ROLES: '' }).port).toBe(3_000);
  });

  it('understands times with and without a unit', () => {
    const secondsOf = (value: string) => readSettings({ MC_CONNECTION_TIMEOUT: value }).connectionTimeoutSeconds;
    expect([secondsOf('45'), secondsOf('45s'), secondsOf('2m'), secondsOf('1h')]).toEqual([45, 45, 120, 3_600]);
  });

  it('understands lists', () => {
    expect(
      readSettings({
        MC_ROLES: 'reactors, projector',
        MC_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
        MC_CORS_ORIGINS: 'https://a.example,http://localhost:5173',
        MC_ALLOWED_HOSTS: 'Mission.example,[::1]',
      }),
    ).toMatchObject({
      roles: ['projector', 'reactors'],
      trustedProxies: ['10.0.0.0/8', '::1'],
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
      allowedHosts: ['mission.example', '[::1]'],
    });
  });

  it('switches the rate limit off by either name', () => {
    expect(readSettings({ MC_RATE_LIMIT: 'off' }).rateLimit).toBe(false);
    expect(readSettings({ MC_DISABLE_RATE_LIMIT: '1' }).rateLimit).toBe(false);
  });

  it.each([
    ['PORT', 'abc'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['MC_HOST', 'not a host'],
    ['EVENTSTORE_URL', 'http://localhost:2113'],
    ['DATABASE_URL', 'mysql://x'],
    ['MC_ROLES', 'api,worker'],
    ['API_WORKERS', '0'],
    ['MC_CONNECTION_TIMEOUT', 'soon'],
    ['MC_RATE_LIMIT', 'maybe'],
    ['MC_LOG_LEVEL', 'loud'],
    ['MC_TRUSTED_PROXIES', 'true'],
    ['MC_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['MC_ALLOWED_HOSTS', 'a.example:3000'],
    ['MC_CORS_ORIGINS', '*'],
    ['MC_CORS_ORIGINS', 'https://a.example/path'],
  ])('refuses %s=%s with one sentence', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must be [^\\n]+$`))]);
  });

  it('names every problem at once', () => {
    expect(problemsOf({ PORT: 'x', MC_LOG_LEVEL: 'y', API_WORKERS: 'z' })).toHaveLength(3);
  });

  it('never shows the value of a connection string', () => {
    expect(problemsOf({ DATABASE_URL: 'user:s3cret@host' }).join()).not.toContain('s3cret');
  });

  it('points at names that look like settings and are none', () => {
    expect(unknownSettings({ MC_RATELIMIT: 'off', MC_HOST: 'x', PATH: '/' })).toEqual(['MC_RATELIMIT']);
  });

  it('is listed completely in .env.example', () => {
    const listed = [...readFileSync('.env.example', 'utf8').matchAll(/^# ([A-Z_]+)=/gm)].map((match) => match[1]);
    expect(new Set(listed)).toEqual(new Set(settingNames));
    expect(listed).toHaveLength(settingNames.length);
  });
});
