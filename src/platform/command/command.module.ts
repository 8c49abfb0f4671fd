import { Module } from '@nestjs/common';
import { CommandEndpoint } from './command-endpoint.js';
import { Idempotency } from './idempotency.js';
import { QueryEndpoint } from './query-endpoint.js';

/** How requests become commands and queries. */
@Module({
  providers: [CommandEndpoint, Idempotency, QueryEndpoint],
  exports: [CommandEndpoint, QueryEndpoint],
})
export class CommandModule {}
