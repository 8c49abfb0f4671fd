import { createHash } from 'node:crypto';
import type {
  AgentRegistered,
  AgentRetired,
  AgentStatusChanged,
  ConnectionClosed,
  ConnectionOpened,
} from '../../src/agents/agents.events.js';
import type { HeartbeatsSummarised } from '../../src/connections/connections.events.js';
import type { HeartbeatReceived } from '../../src/heartbeats/heartbeats.events.js';
import type { Stored } from '../engine/projection.js';

export type LivenessEvent =
  | AgentRegistered
  | AgentStatusChanged
  | AgentRetired
  | ConnectionOpened
  | ConnectionClosed
  | HeartbeatReceived
  | HeartbeatsSummarised;

/** Length of a period that gets one summary, ms. */
export const SUMMARY_PERIOD_MS = 5 * 60_000;

/** Digest of no beats: 32 zero bytes. Each beat makes it SHA-256(digest, event id), both as raw bytes. */
export const EMPTY_DIGEST = '0'.repeat(64);

/** Beats of one connection in one period. Times are ISO 8601. */
export interface BeatPeriod {
  readonly connectionId: string;
  readonly agentId: number;
  readonly workspaceId: number;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly largestGapMs: number;
  readonly digest: string;
  readonly final: boolean;
}

/** What is known of one agent's life. Updated in place while a batch is folded. */
export interface Liveness {
  agentId: number;
  workspaceId: number;
  status: string;
  hasBeaten: boolean;
  connectionId: string | null;
  epoch: number;
  lastSeen: string | null;
  lastActivity: string | null;
  lastActivityAt: string | null;
  /** Last beat of the open connection, kept over its periods: the gap between two periods counts. */
  lastBeatAt: string | null;
  periodFrom: string | null;
  periodTo: string | null;
  count: number;
  largestGapMs: number;
  digest: string;
  /** A sign of life was folded in this batch: the lease starts anew. */
  renewed: boolean;
  retired: boolean;
}

/** The events of a batch, per agent, in log order. */
export type LivenessChanges = ReadonlyMap<number, readonly Stored<LivenessEvent>[]>;

/** What advancing the rows of a batch gives beside the rows themselves. */
export interface PeriodChanges {
  /** Ended in this batch, and not summarised in it. */
  over: BeatPeriod[];
  /** Connection → end of its last summarised period; what was stored before this batch and lies up to it, goes. */
  readonly summarised: Map<string, string>;
}

export function foldLiveness(events: readonly Stored<LivenessEvent>[]): LivenessChanges {
  const byAgent = new Map<number, Stored<LivenessEvent>[]>();
  for (const event of events) {
    const { agentId } = event.data;
    const ofAgent = byAgent.get(agentId);
    if (ofAgent === undefined) byAgent.set(agentId, [event]);
    else ofAgent.push(event);
  }
  return byAgent;
}

export function unknownAgent(agentId: number, workspaceId: number): Liveness {
  return {
    agentId,
    workspaceId,
    status: 'offline',
    hasBeaten: false,
    connectionId: null,
    epoch: 0,
    lastSeen: null,
    lastActivity: null,
    lastActivityAt: null,
    lastBeatAt: null,
    periodFrom: null,
    periodTo: null,
    count: 0,
    largestGapMs: 0,
    digest: EMPTY_DIGEST,
    renewed: false,
    retired: false,
  };
}

/** Advances one agent by one event. Pure but for `row` and `periods`, which it updates. */
export function advance(row: Liveness, event: Stored<LivenessEvent>, periods: PeriodChanges): void {
  const at = event.metadata.recordedAt;
  switch (event.type) {
    case 'AgentRegistered':
      row.status = event.data.status;
      return;
    case 'AgentStatusChanged':
      row.status = event.data.status;
      return;
    case 'AgentRetired':
      row.retired = true;
      return;
    case 'ConnectionOpened':
      row.connectionId = event.data.connectionId;
      row.epoch = event.data.epoch;
      row.lastBeatAt = null;
      seen(row, at);
      return;
    case 'ConnectionClosed':
      if (row.connectionId !== event.data.connectionId) return;
      endPeriod(row, periods, true);
      row.connectionId = null;
      row.lastBeatAt = null;
      return;
    case 'HeartbeatReceived':
      beat(row, event, periods);
      return;
    case 'HeartbeatsSummarised': {
      const { connectionId, to } = event.data;
      const known = periods.summarised.get(connectionId);
      if (known === undefined || known < to) periods.summarised.set(connectionId, to);
      periods.over = periods.over.filter((period) => period.connectionId !== connectionId || period.to > to);
      if (row.lastSeen === null || row.lastSeen < to) row.lastSeen = to;
    }
  }
}

function seen(row: Liveness, at: string): void {
  if (row.lastSeen === null || row.lastSeen < at) row.lastSeen = at;
  row.renewed = true;
}

function beat(row: Liveness, event: Stored<HeartbeatReceived>, periods: PeriodChanges): void {
  const at = event.metadata.recordedAt;
  const { connectionId, lastActivity } = event.data;
  row.hasBeaten = true;
  if (lastActivity !== undefined) {
    row.lastActivity = lastActivity;
    row.lastActivityAt = at;
  }
  // A beat that lost the race against the end of its connection says nothing about a later one.
  if (connectionId !== row.connectionId) return;
  seen(row, at);
  if (connectionId === null) return;

  if (row.periodFrom !== null && periodOf(at, connectionId) > periodOf(row.periodFrom, connectionId)) {
    endPeriod(row, periods, false);
  }
  const gap = row.lastBeatAt === null ? 0 : Date.parse(at) - Date.parse(row.lastBeatAt);
  row.lastBeatAt = at;
  row.periodFrom ??= at;
  row.periodTo = at;
  row.count += 1;
  row.largestGapMs = Math.max(row.largestGapMs, gap);
  row.digest = chained(row.digest, event.id);
}

/**
 * Periods are cut by the clock alone, shifted per connection so that a fleet is not summarised at one moment. So the
 * same beats fall into the same periods although older beats are gone by their retention.
 */
function periodOf(at: string, connectionId: string): number {
  const shift = Number.parseInt(connectionId.slice(0, 8), 16) % SUMMARY_PERIOD_MS;
  return Math.floor((Date.parse(at) + shift) / SUMMARY_PERIOD_MS);
}

function endPeriod(row: Liveness, periods: PeriodChanges, final: boolean): void {
  const { connectionId, periodFrom, periodTo } = row;
  if (connectionId !== null && periodFrom !== null && periodTo !== null) {
    periods.over.push({
      connectionId,
      agentId: row.agentId,
      workspaceId: row.workspaceId,
      from: periodFrom,
      to: periodTo,
      count: row.count,
      largestGapMs: row.largestGapMs,
      digest: row.digest,
      final,
    });
  }
  row.periodFrom = null;
  row.periodTo = null;
  row.count = 0;
  row.largestGapMs = 0;
  row.digest = EMPTY_DIGEST;
}

/** One link of the digest chain: SHA-256 over the digest so far and the event id, as raw bytes, hex. */
export function chained(digest: string, eventId: string): string {
  return createHash('sha256')
    .update(Buffer.from(digest + eventId.replaceAll('-', ''), 'hex'))
    .digest('hex');
}
