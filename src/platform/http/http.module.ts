/**
 * How main.ts makes the application:
 *
 *     const logger = createLogger(config, 'api');
 *     const app = await createHttpApp(AppModule, logger);   // AppModule imports HttpModule, TelemetryModule, features …
 *     await app.listen(config.port, config.host);
 *     await app.close();   // new work 503, streams end, running requests finish (4 s at most), sockets close
 *
 * In tests: `await createHttpApp(TestModule, logger)`, then `app.inject(…)` or `app.listen(0, '127.0.0.1')`.
 *
 * What a feature writes: a controller whose every route stands in `src/platform/auth/access-table.ts` (a route that does
 * not fails the start), `@CurrentCaller() caller`, DTO classes with class-validator for bodies, `@Body(compiledBody(…))`
 * on hot routes, and `Refusal`s thrown. No guards, exception filters or middleware of its own.
 *
 * Some module must provide `CONFIG`. These ports are looked up anywhere in the application when it starts and may be
 * missing: `KeyDirectory` (default: the environment keys), `TicketVerifier` (live), `AgentOfPath` (heartbeats),
 * `BucketLedger` (shared rate limits), `RefusalJournal` (security), `AccessTable` (default: the whole table).
 */
import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { PrincipalGuard } from '../auth/principal.guard.js';
import { Drain } from './drain.js';
import { DtoPipe } from './dto.pipe.js';
import { GracefulStop } from './graceful-stop.js';
import { RefusalFilter } from './refusal.filter.js';

@Module({
  providers: [
    Drain,
    GracefulStop,
    { provide: APP_FILTER, useClass: RefusalFilter },
    { provide: APP_GUARD, useClass: PrincipalGuard },
    { provide: APP_PIPE, useClass: DtoPipe },
  ],
  exports: [Drain],
})
export class HttpModule {}
