import { accepted, refused, type Decider } from '../platform/decider/decider.js';
import {
  correctableFields,
  type CorrectableField,
  type TokenEvent,
  type TokenUsageReported,
  type UsageFacts,
} from './tokens.events.js';

export type Correction = Partial<Pick<UsageFacts, CorrectableField>>;

export type UsageCommand =
  | ({ readonly type: 'CorrectUsage'; readonly correction: Correction } & Amending)
  | ({ readonly type: 'VoidUsage' } & Amending);

interface Amending {
  readonly reason: string;
  /** The agent whose reports alone may be changed; undefined: anybody's. */
  readonly ownAgentId?: number;
}

export type UsageRefusal =
  | { readonly type: 'UnknownReport' }
  | { readonly type: 'OtherAgent' }
  | { readonly type: 'VoidedReport' }
  /** The counts that would come of it do not fit together. */
  | { readonly type: 'InconsistentCounts'; readonly errors: readonly string[] };

/** Undefined: nothing was reported. */
export type UsageState = { readonly facts: UsageFacts; readonly isVoided: boolean } | undefined;

/** One report within its stream. Every event carries all facts, so the last one is enough to decide by. */
export const usageDecider: Decider<UsageState, UsageCommand, TokenEvent, UsageRefusal> = {
  initialState: undefined,

  decide: (command, state) => {
    if (state === undefined) return refused({ type: 'UnknownReport' });
    const { facts, isVoided } = state;
    if (command.ownAgentId !== undefined && command.ownAgentId !== facts.agentId) {
      return refused({ type: 'OtherAgent' });
    }
    switch (command.type) {
      case 'CorrectUsage': {
        if (isVoided) return refused({ type: 'VoidedReport' });
        const corrected: UsageFacts = { ...facts, ...command.correction };
        const changes = correctableFields.filter((field) => corrected[field] !== facts[field]);
        if (changes.length === 0) return accepted();
        const errors = faultsOf(corrected);
        if (errors.length > 0) return refused({ type: 'InconsistentCounts', errors });
        const previous = Object.fromEntries(
          changes.filter((field) => facts[field] !== undefined).map((field) => [field, facts[field]]),
        );
        return accepted({
          type: 'TokenUsageCorrected',
          data: { ...corrected, reason: command.reason, changes, previous },
        });
      }
      case 'VoidUsage':
        if (isVoided) return accepted();
        return accepted({ type: 'TokenUsageVoided', data: { ...facts, reason: command.reason } });
      default:
        return command satisfies never;
    }
  },

  evolve: (state, event) => {
    switch (event.type) {
      case 'TokenUsageReported':
        return state ?? { facts: reportedFacts(event.data), isVoided: false };
      case 'TokenUsageCorrected': {
        const { reason: _reason, changes: _changes, previous: _previous, ...facts } = event.data;
        return { facts, isVoided: state?.isVoided ?? false };
      }
      case 'TokenUsageVoided': {
        const { reason: _reason, ...facts } = event.data;
        return { facts, isVoided: true };
      }
      default:
        return state;
    }
  },
};

function reportedFacts({ contentDigest: _digest, ...facts }: TokenUsageReported['data']): UsageFacts {
  return facts;
}

function faultsOf(facts: UsageFacts): readonly string[] {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = facts;
  const total = [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens].reduce(
    (sum, count) => sum + BigInt(count),
    0n,
  );
  return [
    ...((facts.reasoningTokens ?? 0) > outputTokens ? ['reasoningTokens: must not exceed outputTokens'] : []),
    ...((facts.cacheWrite1hTokens ?? 0) > cacheWriteTokens
      ? ['cacheWrite1hTokens: must not exceed cacheWriteTokens']
      : []),
    ...(total > BigInt(Number.MAX_SAFE_INTEGER) ? [`totalTokens: must not exceed ${Number.MAX_SAFE_INTEGER}`] : []),
  ];
}
