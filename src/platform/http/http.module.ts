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
 * `BucketLedger` (shared rate limits), `RefusalJournal` (security).
 *
 * A POST answers 201 unless the method says `@HttpCode(200)`, as Nest does.
 */
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import type { AccessRule } from '../auth/access-rule.js';
import { AccessTable, accessRules } from '../auth/access-table.js';
import { PrincipalGuard } from '../auth/principal.guard.js';
import { Drain } from './drain.js';
import { DtoPipe } from './dto.pipe.js';
import { GracefulStop } from './graceful-stop.js';
import { OptionalPorts } from './optional-ports.js';
import { RefusalFilter } from './refusal.filter.js';
import { RunningApp } from './running-app.js';

@Global()
@Module({
  providers: [
    Drain,
    GracefulStop,
    OptionalPorts,
    RunningApp,
    { provide: AccessTable, useValue: new AccessTable(accessRules) },
    { provide: APP_FILTER, useClass: RefusalFilter },
    { provide: APP_GUARD, useClass: PrincipalGuard },
    { provide: APP_PIPE, useClass: DtoPipe },
  ],
  exports: [AccessTable, Drain, OptionalPorts, RunningApp],
})
export class HttpModule {
  /** With a table of its own, for tests with routes of their own. */
  static forRules(rules: readonly AccessRule[]): DynamicModule {
    return { module: HttpModule, providers: [{ provide: AccessTable, useValue: new AccessTable(rules) }] };
  }
}
