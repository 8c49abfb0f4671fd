import type { TokenUsageReported } from '../../src/tokens/tokens.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldTokenUsage, type TokenUsageChanges } from './token-usage.fold.js';
import { tokenUsageTables } from './token-usage.tables.js';
import { writeTokenUsage } from './token-usage.writer.js';

export const tokenUsage = defineProjection<TokenUsageReported, TokenUsageChanges>({
  name: 'token-usage',
  // Money: nothing is ever skipped.
  policy: 'halt',
  handles: ['TokenUsageReported'],
  tables: tokenUsageTables,
  // At 1,500 single reports a second a commit each would cost more than all the rest; callers wait for a few of these.
  lingerMs: 3,
  keyOf: (entry) => entry.stream,
  fold: foldTokenUsage,
  write: writeTokenUsage,
});
