import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import { createLogger } from './pino-logger.js';

/** Gives `Logger` and `Metrics` to everybody, and serves `/metrics`. Needs a global `CONFIG`. */
@Global()
@Module({
  controllers: [MetricsController],
  providers: [
    { provide: Logger, useFactory: (config: Config) => createLogger(config, config.roles.join('+')), inject: [CONFIG] },
    Metrics,
  ],
  exports: [Logger, Metrics],
})
export class TelemetryModule {}
