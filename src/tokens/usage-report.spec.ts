import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { contentDigest, parseInlineUsage, parseUsage, type UsageReport } from './usage-report.js';

const now = new Date('2026-01-01T00:00:00Z');
const valid = { model: 'm', sessionId: 'bot:cli', inputTokens: 1, outputTokens: 2 };

const accept = (record: object): UsageReport => {
  const parsed = parseUsage(record, now);
  if (parsed.kind === 'invalid') throw new Error(parsed.errors.join('; '));
  return parsed.report;
};
const faultsOf = (record: unknown): readonly string[] => {
  const parsed = parseUsage(record, now);
  return parsed.kind === 'invalid' ? parsed.errors : [];
};

describe('a token usage report', () => {
  it('fills in the documented defaults', () => {
    expect(accept(valid)).toEqual({
      ...valid,
      eventId: undefined,
      agentName: 'bot',
      operation: 'chat_completion',
      timestamp: undefined,
      taskId: undefined,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
    });
  });

  it('ends the agent at the first colon', () => {
    expect(accept({ ...valid, sessionId: 'bot:a:b' }).agentName).toBe('bot');
    expect(accept({ ...valid, sessionId: 'bot' }).agentName).toBe('bot');
  });

  it.each([
    ['text for a count', { inputTokens: '100' }, 'inputTokens'],
    ['a negative count', { inputTokens: -1 }, 'inputTokens'],
    ['a fraction', { outputTokens: 1.5 }, 'outputTokens'],
    ['null', { outputTokens: null }, 'outputTokens'],
    ['2^53', { inputTokens: 2 ** 53 }, 'inputTokens'],
    ['not a number', { inputTokens: Number.NaN }, 'inputTokens'],
    ['a null cache count', { cacheReadTokens: null }, 'cacheReadTokens'],
    ['a blank model', { model: '  ' }, 'model'],
    ['a long model', { model: 'm'.repeat(201) }, 'model'],
    ['an empty agent', { sessionId: ':chat' }, 'sessionId'],
    ['a sum above 2^53-1', { inputTokens: Number.MAX_SAFE_INTEGER, outputTokens: 1 }, 'totalTokens'],
    ['reasoning beyond output', { reasoningTokens: 3 }, 'reasoningTokens'],
    ['more one-hour writes than writes', { cacheWriteTokens: 1, cacheWrite1hTokens: 2 }, 'cacheWrite1hTokens'],
    ['a time without zone', { timestamp: '2026-01-01T00:00:00' }, 'timestamp'],
    ['a time more than a day ahead', { timestamp: now.getTime() + 86_400_001 }, 'timestamp'],
    ['a task that is no number', { taskId: 'seven' }, 'taskId'],
    ['a negative cost', { reportedCostUsd: '-1' }, 'reportedCostUsd'],
    ['a long duration', { duration: 604_800_001 }, 'duration'],
    ['an empty event id', { eventId: '' }, 'eventId'],
    ['a day that does not exist', { timestamp: '2025-02-30T00:00:00Z' }, 'timestamp'],
    ['a cost finer than twelve decimals', { reportedCostUsd: 1e-13 }, 'reportedCostUsd'],
  ])('refuses %s', (_, change, field) => {
    expect(faultsOf({ ...valid, ...change })).toEqual([expect.stringMatching(new RegExp(`^${field}: `))]);
  });

  it.each([undefined, null, 1, 'x', []])('refuses %j as a record', (record) => {
    expect(faultsOf(record)).toHaveLength(1);
  });

  it('takes the largest count, zero, and a task as text', () => {
    const report = accept({ ...valid, inputTokens: Number.MAX_SAFE_INTEGER, outputTokens: 0, taskId: '7' });
    expect(report).toMatchObject({ inputTokens: Number.MAX_SAFE_INTEGER, outputTokens: 0, taskId: 7 });
  });

  it('takes a cost as a number however JSON writes it', () => {
    expect(accept({ ...valid, reportedCostUsd: 1e-7 }).reportedCostUsd).toBe('0.0000001');
    expect(accept({ ...valid, reportedCostUsd: 0.25 }).reportedCostUsd).toBe('0.25');
  });

  it('counts for one agent however its name was composed', () => {
    expect(accept({ ...valid, sessionId: 'Zoe\u0308:cli' }).agentName).toBe('Zo\u00eb');
  });

  it('gives a beat its own session and operation', () => {
    const parsed = parseInlineUsage({ model: 'm', inputTokens: 1, outputTokens: 1, sessionId: 'x:y' }, 'bot:cli', now);
    expect(parsed).toMatchObject({ kind: 'report', report: { sessionId: 'bot:cli', operation: 'heartbeat' } });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.anything(), (record) => void parseUsage(record, now)));
  });
});

describe('the content of a report', () => {
  it('does not depend on unknown fields or on defaults being spelled out', () => {
    const spelled = { ...valid, cacheReadTokens: 0, operation: 'chat_completion', other: 1 };
    expect(contentDigest(accept(spelled))).toBe(contentDigest(accept(valid)));
  });

  it.each([
    { inputTokens: 9 },
    { model: 'n' },
    { sessionId: 'bot:b' },
    { timestamp: 1 },
    { taskId: 1 },
    { provider: 'p' },
  ])('differs by %j', (change) => {
    expect(contentDigest(accept({ ...valid, ...change }))).not.toBe(contentDigest(accept(valid)));
  });
});
