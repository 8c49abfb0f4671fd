import type { SqlReader } from '../../../projections/engine/index.js';
import { Refusal } from '../http/errors.js';
import { TOO_MANY_OF_THIS } from './rate-limits.js';

const LATER_AFTER_SECONDS = '5';

/**
 * Takes one of `most` slots of a credential, over all processes: a lock that the transaction of `sql` holds, so that it is
 * given back when that ends, however it ends. Errors: 429 when all are taken.
 */
export async function takeSlot(sql: SqlReader, what: string, credentialId: string, most: number): Promise<void> {
  for (let slot = 0; slot < most; slot += 1) {
    const [row] = await sql.query<{ taken: boolean }>(
      'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken',
      [`slot ${slot} of ${what} for ${credentialId}`],
    );
    if (row?.taken === true) return;
  }
  throw new Refusal(429, TOO_MANY_OF_THIS, {}, { 'retry-after': LATER_AFTER_SECONDS });
}
