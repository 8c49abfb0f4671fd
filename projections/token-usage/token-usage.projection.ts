import type { TokenEvent } from '../../src/tokens/tokens.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldTokenUsage, type TokenUsageChanges } from './token-usage.fold.js';
import { tokenUsageTables } from './token-usage.tables.js';
import { writeTokenUsage } from './token-usage.writer.js';

/** The claims of reports, by which the command side knows copies. What they cost is in the projection `cost`. */
export const tokenUsage = defineProjection<TokenEvent, TokenUsageChanges>({
  name: 'token-usage',
  // A lost claim would let a report count twice: nothing is ever skipped.
  policy: 'halt',
  handles: ['TokenUsageReported', 'TokenUsageCorrected', 'TokenUsageVoided'],
  tables: tokenUsageTables,
  // At 1,500 single reports a second a commit each would cost more than all the rest.
  lingerMs: 3,
  keyOf: (entry) => entry.stream,
  fold: foldTokenUsage,
  write: writeTokenUsage,
});
