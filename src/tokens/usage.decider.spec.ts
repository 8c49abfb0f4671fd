import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, integer, property, record } from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import type { TokenEvent, TokenUsageReported, UsageFacts } from './tokens.events.js';
import { type UsageCommand, usageDecider } from './usage.decider.js';

const facts: UsageFacts = {
  id: 'i',
  eventId: 'run-1',
  model: 'm',
  sessionId: 'bot:cli',
  agentName: 'bot',
  agentId: 7,
  operation: 'chat_completion',
  timestamp: 1_767_225_600_000,
  taskId: null,
  inputTokens: 100,
  outputTokens: 20,
  cacheReadTokens: 0,
  cacheWriteTokens: 5,
  cacheWrite1hTokens: 5,
};
const reported: TokenUsageReported = { type: 'TokenUsageReported', data: { ...facts, contentDigest: 'd' } };
const voided: TokenEvent = { type: 'TokenUsageVoided', data: { ...facts, reason: 'twice' } };
const correct = (correction: object): UsageCommand => ({ type: 'CorrectUsage', reason: 'wrong', correction });
const voiding: UsageCommand = { type: 'VoidUsage', reason: 'twice' };
const { given, fold } = deciderSpec(usageDecider);

describe('a reported use of tokens', () => {
  it('is corrected to all its facts, with what they were', () => {
    const corrected = { ...facts, inputTokens: 90, reasoningTokens: 4 };
    given(reported)
      .when(correct({ inputTokens: 90, reasoningTokens: 4, outputTokens: 20 }))
      .thenEvents({
        type: 'TokenUsageCorrected',
        data: {
          ...corrected,
          reason: 'wrong',
          changes: ['inputTokens', 'reasoningTokens'],
          previous: { inputTokens: 100 },
        },
      });
  });

  it('is not corrected to what it is', () => {
    given(reported)
      .when(correct({ inputTokens: 100, model: 'm' }))
      .thenNothing();
  });

  it('is not corrected to counts that do not fit together', () => {
    given(reported)
      .when(correct({ cacheWriteTokens: 4, reasoningTokens: 21, inputTokens: Number.MAX_SAFE_INTEGER }))
      .thenRefused({
        type: 'InconsistentCounts',
        errors: [
          'reasoningTokens: must not exceed outputTokens',
          'cacheWrite1hTokens: must not exceed cacheWriteTokens',
          `totalTokens: must not exceed ${Number.MAX_SAFE_INTEGER}`,
        ],
      });
  });

  it('is voided once, and corrected no more', () => {
    given(reported).when(voiding).thenEvents(voided);
    given(reported, voided).when(voiding).thenNothing();
    given(reported, voided)
      .when(correct({ inputTokens: 1 }))
      .thenRefused({ type: 'VoidedReport' });
  });

  it('is changed by the key of its own agent alone', () => {
    given(reported)
      .when({ ...voiding, ownAgentId: 8 })
      .thenRefused({ type: 'OtherAgent' });
    given(reported)
      .when({ ...voiding, ownAgentId: 7 })
      .thenEvents(voided);
  });

  it('has to be there', () => {
    given().when(voiding).thenRefused({ type: 'UnknownReport' });
  });

  it('is decided about by its last event as by all of them, and deciding again gives nothing', () => {
    const count = integer({ min: 0, max: 30 });
    assert(
      property(
        record({ inputTokens: count, cacheWriteTokens: count, model: constantFrom('m', 'n') }),
        constantFrom('correct', 'void'),
        (correction, what) => {
          const command = what === 'void' ? voiding : correct(correction);
          const decision = usageDecider.decide(command, fold([reported]));
          if (decision.kind === 'refused') return;
          const after = fold([reported, ...decision.events]);
          expect(usageDecider.decide(command, after)).toEqual({ kind: 'accepted', events: [] });
          expect(fold(decision.events.slice(-1))).toEqual(decision.events.length === 0 ? undefined : after);
          expect(usageDecider.evolve(after, { type: 'SomethingElse', data: {} } as unknown as TokenEvent)).toBe(after);
        },
      ),
    );
  });
});
