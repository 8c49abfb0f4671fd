import { derivedId } from '../platform/ids/ids.js';

/** Fixed for ever: the shard of a report is computed from its identity, so another number would lose the claims. */
export const USAGE_SHARDS = 16;

/** The identity of a report: the same for every copy of it, whoever receives it and whenever. */
export function claimId(workspaceId: number, eventId: string): string {
  return derivedId('usage', workspaceId, eventId);
}

export function shardOf(claim: string): number {
  return Number.parseInt(claim.slice(0, 8), 16) % USAGE_SHARDS;
}

export function usageStream(shard: number): string {
  return `usage-${shard}`;
}
