import type { PriceBookRevised } from '../../src/prices/prices.events.js';
import type {
  TokenUsageCorrected,
  TokenUsageReported,
  TokenUsageVoided,
  UsageFacts,
} from '../../src/tokens/tokens.events.js';
import type { Stored } from '../engine/projection.js';

export type CostEvent = TokenUsageReported | TokenUsageCorrected | TokenUsageVoided | PriceBookRevised;

/** What holds about one report at the end of a batch. */
export interface UsageState {
  readonly facts: UsageFacts;
  readonly workspaceId: number;
  /** Of the report; of the last correction, for a report of an earlier batch. */
  readonly position: bigint;
  readonly recordedAt: string;
  /** The last correction of this batch. */
  readonly amended: { readonly position: bigint; readonly recordedAt: string } | undefined;
}

export interface CostChanges {
  readonly revisions: readonly Stored<PriceBookRevised>[];
  /** Reports of this batch, as corrected within it, in the order of the log. */
  readonly reports: readonly UsageState[];
  /** The last correction of each report: for rows that were there before. */
  readonly corrections: readonly UsageState[];
  readonly voids: readonly Stored<TokenUsageVoided>[];
}

/**
 * At most one state a report. A revision applies to the whole batch: what it prices anew later is what lies before the
 * batch, and the order of prices and reports within one makes no difference to where both end.
 */
export function foldCost(events: readonly Stored<CostEvent>[]): CostChanges {
  const revisions: Stored<PriceBookRevised>[] = [];
  const reports = new Map<string, UsageState>();
  const corrections = new Map<string, UsageState>();
  const voids = new Map<string, Stored<TokenUsageVoided>>();
  for (const event of events) {
    switch (event.type) {
      case 'PriceBookRevised':
        revisions.push(event);
        break;
      case 'TokenUsageReported':
        if (!reports.has(event.data.id)) reports.set(event.data.id, stateOf(event));
        break;
      case 'TokenUsageCorrected': {
        const { id } = event.data;
        const amended = { position: event.position.commit, recordedAt: event.metadata.recordedAt };
        const report = reports.get(id);
        if (report !== undefined) reports.set(id, { ...report, facts: event.data, amended });
        corrections.set(id, { ...stateOf(event), amended });
        break;
      }
      case 'TokenUsageVoided':
        if (!voids.has(event.data.id)) voids.set(event.data.id, event);
        break;
      default:
        event satisfies never;
    }
  }
  const counts = ({ facts }: UsageState) => !voids.has(facts.id);
  return {
    revisions,
    reports: [...reports.values()].filter(counts),
    corrections: [...corrections.values()].filter(counts),
    voids: [...voids.values()],
  };
}

function stateOf(event: Stored<TokenUsageReported> | Stored<TokenUsageCorrected>): UsageState {
  return {
    facts: event.data,
    workspaceId: event.metadata.workspaceId,
    position: event.position.commit,
    recordedAt: event.metadata.recordedAt,
    amended: undefined,
  };
}
