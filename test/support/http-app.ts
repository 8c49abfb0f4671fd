import { Module, type Provider, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AccessRule } from '../../src/platform/auth/access-rule.js';
import { EnvironmentKeyDirectory, KeyDirectory, type KeyRecord } from '../../src/platform/auth/key-directory.js';
import { keyHash, keyPepper } from '../../src/platform/auth/key-hash.js';
import type { Role } from '../../src/platform/auth/principal.js';
import { Clock, SystemClock } from '../../src/platform/clock/clock.js';
import { CONFIG, type Config } from '../../src/platform/config/config.js';
import { createHttpApp } from '../../src/platform/http/create-app.js';
import type { ConnectionLimits } from '../../src/platform/http/http-adapter.js';
import { HttpModule } from '../../src/platform/http/http.module.js';
import { createLogger } from '../../src/platform/telemetry/pino-logger.js';
import { TelemetryModule } from '../../src/platform/telemetry/telemetry.module.js';

const masterKey = Buffer.alloc(32, 7);
const pepper = keyPepper(masterKey);

/** One environment key a role, in workspace 1. */
export const testKeys: Readonly<Record<Role, string>> = {
  viewer: 'viewer-key-abcdefghijklmnop',
  operator: 'operator-key-abcdefghijklmn',
  admin: 'admin-key-abcdefghijklmnopq',
};

export const keyHeader = (key: string) => ({ 'x-api-key': key });

/** Settings that the edge reads; the rest is what a test hands in. */
export function testConfig(overrides: Partial<Config> = {}): Config {
  const roles = Object.keys(testKeys) as Role[];
  return {
    port: 0,
    host: '127.0.0.1',
    dataDir: '',
    eventStoreUrl: '',
    databaseUrl: '',
    roles: ['api'],
    environmentKeys: roles.map((role) => ({
      id: `env-${role}`,
      hash: keyHash(testKeys[role], pepper),
      role,
      workspaceId: 1,
      name: `${role} of the test`,
    })),
    secretKeys: [{ id: 'test', value: masterKey }],
    connectionTimeoutSeconds: 90,
    agentTimeoutSeconds: 600,
    taskLeaseSeconds: 900,
    coordinatorAgent: '',
    rateLimit: false,
    logLevel: 'silent',
    logFormat: 'json',
    trustedProxies: [],
    allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
    corsOrigins: [],
    production: false,
    heartbeatRetentionSeconds: 3600,
    streamsPerKey: 200,
    streamsPerProcess: 5000,
    apiWorkers: 1,
    apiWorker: 1,
    pricesFile: '',
    webhookAllow: [],
    reportingZones: ['UTC', 'Asia/Kolkata', 'Europe/Berlin'],
    webhookRate: 50,
    webhookRetryPermille: 1000,
    ...overrides,
  };
}

/** A per-agent key besides the environment keys. */
export interface AgentKey {
  readonly key: string;
  readonly agentId: number;
  readonly agentName: string;
  readonly scopes: readonly string[];
}

class TestKeyDirectory extends KeyDirectory {
  private readonly environment: EnvironmentKeyDirectory;
  private readonly agents: ReadonlyMap<string, KeyRecord>;

  constructor(config: Config, agentKeys: readonly AgentKey[]) {
    super();
    this.environment = new EnvironmentKeyDirectory(config.environmentKeys);
    this.agents = new Map(agentKeys.map((agentKey) => [keyHash(agentKey.key, pepper), recordOf(agentKey)]));
  }

  find(hash: string): KeyRecord | undefined {
    return this.environment.find(hash) ?? this.agents.get(hash);
  }
}

function recordOf({ agentId, agentName, scopes }: AgentKey): KeyRecord {
  const id = `agent-key-${agentId}`;
  const actor = { kind: 'agent', id: String(agentId), name: agentName } as const;
  return {
    agentName,
    principal: { credentialId: id, via: 'header', role: 'viewer', scopes, workspaceId: 1, agentId, actor },
  };
}

export interface TestAppOptions {
  readonly controllers?: readonly Type[];
  readonly imports?: readonly Type[];
  readonly providers?: readonly Provider[];
  readonly rules: readonly AccessRule[];
  readonly config?: Partial<Config>;
  readonly agentKeys?: readonly AgentKey[];
  readonly limits?: ConnectionLimits;
}

/** A real application with the real edge around the given controllers; close it after the test. `/metrics` is there too. */
export async function startHttpApp(options: TestAppOptions): Promise<NestFastifyApplication> {
  const config = testConfig(options.config);
  const providers: Provider[] = [
    { provide: CONFIG, useValue: config },
    { provide: Clock, useClass: SystemClock },
    { provide: KeyDirectory, useValue: new TestKeyDirectory(config, options.agentKeys ?? []) },
    ...(options.providers ?? []),
  ];
  class Globals {}
  Module({})(Globals);
  class TestModule {}
  Module({
    imports: [
      { module: Globals, global: true, providers, exports: providers.map(tokenOf) },
      HttpModule.forRules(options.rules),
      TelemetryModule,
      ...(options.imports ?? []),
    ],
    controllers: [...(options.controllers ?? [])],
  })(TestModule);
  return createHttpApp(TestModule, createLogger(config, 'test'), options.limits);
}

function tokenOf(provider: Provider) {
  return typeof provider === 'function' ? provider : provider.provide;
}
