import type { TokenUsageReported } from '../../src/tokens/tokens.events.js';
import type { Stored } from '../engine/projection.js';

/** The reports of a batch, first one of an id only, in the order of their ids. */
export type TokenUsageChanges = readonly Stored<TokenUsageReported>[];

export function foldTokenUsage(events: readonly Stored<TokenUsageReported>[]): TokenUsageChanges {
  const byId = new Map<string, Stored<TokenUsageReported>>();
  for (const event of events) {
    if (!byId.has(event.data.id)) byId.set(event.data.id, event);
  }
  return [...byId.values()].sort((a, b) => (a.data.id < b.data.id ? -1 : 1));
}
