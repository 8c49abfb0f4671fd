import type { TokenEvent, TokenUsageReported } from '../../src/tokens/tokens.events.js';
import type { Stored } from '../engine/projection.js';

/** The last correction or void of a report. */
export interface Amendment {
  readonly id: string;
  readonly latestRevision: bigint;
}

export interface TokenUsageChanges {
  /** First one of an id only, in the order of their ids. */
  readonly reports: readonly Stored<TokenUsageReported>[];
  readonly amendments: readonly Amendment[];
}

export function foldTokenUsage(events: readonly Stored<TokenEvent>[]): TokenUsageChanges {
  const reports = new Map<string, Stored<TokenUsageReported>>();
  const amendments = new Map<string, Amendment>();
  for (const event of events) {
    const { id } = event.data;
    if (event.type !== 'TokenUsageReported') amendments.set(id, { id, latestRevision: event.revision });
    else if (!reports.has(id)) reports.set(id, event);
  }
  return { reports: [...reports.values()].sort(byId(({ data }) => data.id)), amendments: [...amendments.values()] };
}

function byId<Value>(idOf: (value: Value) => string): (a: Value, b: Value) => number {
  return (a, b) => (idOf(a) < idOf(b) ? -1 : 1);
}
