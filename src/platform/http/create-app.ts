import type { DynamicModule, INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AccessTable } from '../auth/access-table.js';
import { Authenticator } from '../auth/authenticator.js';
import { Gatekeeper } from '../auth/gatekeeper.js';
import { EnvironmentKeyDirectory, KeyDirectory } from '../auth/key-directory.js';
import { keyPepper } from '../auth/key-hash.js';
import { RefusalJournal, SilentJournal } from '../auth/refusal-journal.js';
import { TicketVerifier } from '../auth/ticket-verifier.js';
import { WrongKeys } from '../auth/wrong-keys.js';
import { CONFIG, type Config } from '../config/config.js';
import { AgentOfPath } from '../rate-limit/agent-of-path.js';
import { BucketLedger } from '../rate-limit/bucket-ledger.js';
import { RateLimits } from '../rate-limit/rate-limits.js';
import { TokenBuckets } from '../rate-limit/token-buckets.js';
import type { Logger } from '../telemetry/logger.js';
import { Metrics } from '../telemetry/metrics.js';
import { NestLogger } from '../telemetry/nest-logger.js';
import { AllowedHosts } from './allowed-hosts.js';
import { ClientAddresses } from './client-address.js';
import { Drain } from './drain.js';
import { type ConnectionLimits, fastifyAdapter } from './http-adapter.js';
import { HttpEdge } from './http-edge.js';
import { OptionalPorts } from './optional-ports.js';
import { RunningApp } from './running-app.js';

/**
 * The whole application behind its edge, initialised but not listening. Rejects when a route is missing from the access
 * table or a setting is wrong; nothing listens then.
 */
export async function createHttpApp(
  rootModule: Type | DynamicModule,
  logger: Logger,
  limits?: ConnectionLimits,
): Promise<NestFastifyApplication> {
  let edge: HttpEdge | undefined;
  const adapter = fastifyAdapter((error, request, reply) => edge?.unroutable(error, request, reply), limits);
  const app = await NestFactory.create<NestFastifyApplication>(rootModule, adapter, {
    bodyParser: false,
    logger: new NestLogger(logger),
    abortOnError: false,
    forceCloseConnections: true,
  });
  edge = edgeOf(app, logger);
  app.get(RunningApp, { strict: false }).app = app;
  const fastify = adapter.getInstance();
  edge.install(fastify);
  await app.init();
  edge.registerOtherMethods(fastify);
  await fastify.ready();
  return app;
}

function edgeOf(app: INestApplicationContext, logger: Logger): HttpEdge {
  const config = app.get<Config>(CONFIG, { strict: false });
  const ports = app.get(OptionalPorts, { strict: false });
  const peppers = config.secretKeys.map(({ value }) => keyPepper(value));
  const keys = ports.find(KeyDirectory) ?? new EnvironmentKeyDirectory(config.environmentKeys);
  const journal = ports.find(RefusalJournal) ?? new SilentJournal();
  const buckets = new TokenBuckets(ports.find(BucketLedger));
  return new HttpEdge({
    table: app.get(AccessTable, { strict: false }),
    gatekeeper: new Gatekeeper(new Authenticator(keys, peppers), new WrongKeys(), journal, ports.find(TicketVerifier)),
    rateLimits: new RateLimits(buckets, config.rateLimit, ports.find(AgentOfPath)),
    hosts: new AllowedHosts(config.allowedHosts),
    addresses: new ClientAddresses(config.trustedProxies),
    corsOrigins: new Set(config.corsOrigins),
    metrics: app.get(Metrics, { strict: false }).requests,
    drain: app.get(Drain, { strict: false }),
    logger,
  });
}
