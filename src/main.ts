import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { AppModule } from './app.module.js';
import { KeyRing } from './keys/key-ring.js';
import { assertMasterKeys } from './keys/master-keys-in-use.js';
import { Clock } from './platform/clock/clock.js';
import { ConfigError } from './platform/config/config.error.js';
import { WarmUp } from './health/warm-up.js';
import type { Config } from './platform/config/config.js';
import { loadConfig } from './platform/config/load-config.js';
import { createHttpApp } from './platform/http/create-app.js';
import type { Logger } from './platform/telemetry/logger.js';
import { NestLogger } from './platform/telemetry/nest-logger.js';
import { createLogger } from './platform/telemetry/pino-logger.js';

async function start(config: Config, logger: Logger): Promise<INestApplicationContext> {
  const root = AppModule.for(config);
  if (config.roles.includes('api')) {
    const app = await createHttpApp(root, logger);
    await app.listen(config.port, config.host);
    await app.get(WarmUp).end();
    assertMasterKeys(app.get(KeyRing).all(), config.secretKeys, app.get<Clock>(Clock).now());
    return app;
  }
  return NestFactory.createApplicationContext(root, { logger: new NestLogger(logger), abortOnError: false });
}

/** Ends on a signal, or when the supervisor that started this process is gone; a second signal does not wait. */
function stopOnRequest(app: INestApplicationContext, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'stopping');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'the orderly stop failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  process.once('disconnect', () => stop('the supervisor is gone'));
}

try {
  const config = await loadConfig();
  const logger = createLogger(config, config.roles.join('+'));
  const app = await start(config, logger);
  stopOnRequest(app, logger);
  logger.info({ roles: config.roles }, 'ready');
  process.send?.({ type: 'ready' });
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError ? 78 : 1);
}
