import 'reflect-metadata';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { format } from 'prettier';
import { AppModule } from '../src/app.module.js';
import { apiDocument } from '../src/docs-api/api-document.js';
import { version } from '../src/health/version.js';
import { AccessTable, accessRules } from '../src/platform/auth/access-table.js';
import type { Config } from '../src/platform/config/config.js';

const target = 'docs/openapi.json';

/** Enough settings to lay the application out; nothing is opened, because a preview makes no instance of anything. */
const config: Config = {
  port: 0,
  host: '127.0.0.1',
  dataDir: '.data',
  eventStoreUrl: 'esdb://127.0.0.1:1?tls=false',
  databaseUrl: 'postgres://127.0.0.1:1/none',
  roles: ['api'],
  environmentKeys: [],
  secretKeys: [{ id: 'none', value: Buffer.alloc(32) }],
  connectionTimeoutSeconds: 90,
  agentTimeoutSeconds: 600,
  taskLeaseSeconds: 900,
  coordinatorAgent: '',
  rateLimit: true,
  logLevel: 'silent',
  logFormat: 'json',
  trustedProxies: [],
  allowedHosts: [],
  corsOrigins: [],
  production: false,
  heartbeatRetentionSeconds: 3600,
  streamsPerKey: 200,
  streamsPerProcess: 5000,
  apiWorkers: 1,
  apiWorker: 1,
  pricesFile: '',
  webhookAllow: [],
  reportingZones: ['UTC'],
  webhookRate: 50,
  webhookRetryPermille: 1000,
};

async function document(): Promise<string> {
  const app = await NestFactory.create(AppModule.for(config), new FastifyAdapter({ skipMiddie: true }), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  const built = apiDocument(app, new AccessTable(accessRules), version);
  return format(JSON.stringify(built), { parser: 'json', printWidth: 120 });
}

const current = await document();
if (process.argv.includes('--check')) {
  const committed = await readFile(target, 'utf8').catch(() => '');
  if (committed !== current) {
    console.error(`${target} is not current: run "npm run generate:openapi" and commit it`);
    process.exitCode = 1;
  }
} else {
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, current);
  console.log(`wrote ${target}`);
}
