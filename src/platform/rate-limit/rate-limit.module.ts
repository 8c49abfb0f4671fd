import { Module } from '@nestjs/common';
import { Database } from '../read-models/database.js';
import { BucketLedger } from './bucket-ledger.js';
import { PostgresBucketLedger } from './postgres-bucket-ledger.js';

/** Shares the rate limits of all processes through PostgreSQL. Without this module each process counts alone. */
@Module({
  providers: [
    {
      provide: BucketLedger,
      useFactory: (database: Database) => new PostgresBucketLedger(database),
      inject: [Database],
    },
  ],
})
export class RateLimitModule {}
