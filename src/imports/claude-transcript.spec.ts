import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readTranscriptLine, TranscriptUsage } from './claude-transcript.js';

const usage = { input_tokens: 4, output_tokens: 3, cache_read_input_tokens: 20, cache_creation_input_tokens: 10 };
const message = { id: 'msg_1', model: 'claude-sonnet-4-5', role: 'assistant', usage };
const answer = {
  type: 'assistant',
  sessionId: 'chat',
  requestId: 'req_1',
  timestamp: '2026-03-01T10:00:00.000Z',
  message,
};
const read = (line: object) => readTranscriptLine(JSON.stringify(line), 'bot');
const withUsage = (more: object) => ({ ...answer, message: { ...message, usage: { ...usage, ...more } } });

describe('a line of a transcript', () => {
  it('that holds an answer is one usage of the agent, under an id made of message and request', () => {
    const split = { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 };
    expect(read({ ...withUsage({ service_tier: 'batch', cache_creation: split }), costUSD: 0.5 })).toEqual({
      kind: 'usage',
      usage: {
        eventId: 'claude-code:msg_1:req_1',
        model: 'claude-sonnet-4-5',
        sessionId: 'bot:chat',
        timestamp: '2026-03-01T10:00:00.000Z',
        inputTokens: 4,
        outputTokens: 3,
        cacheReadTokens: 20,
        cacheWriteTokens: 10,
        cacheWrite1hTokens: 6,
        serviceClass: 'batch',
        reportedCostUsd: '0.5',
      },
    });
  });

  it('without a request id is known by its message alone', () => {
    const { requestId: _, ...line } = answer;
    expect(read(line)).toMatchObject({ usage: { eventId: 'claude-code:msg_1' } });
  });

  it('with ids beyond the limit of an event id has the digest of both', () => {
    const long = read({ ...answer, requestId: 'r'.repeat(300) });
    expect(long).toMatchObject({ usage: { eventId: expect.stringMatching(/^claude-code:sha256:[0-9a-f]{64}$/) } });
    expect(read({ ...answer, requestId: 's'.repeat(300) })).not.toEqual(long);
  });

  it.each([
    { type: 'user', message: { content: 'hello' } },
    { type: 'summary' },
    { type: 'assistant' },
    { ...answer, message: { ...message, usage: undefined } },
    { ...answer, message: { ...message, model: '<synthetic>' } },
  ])('of something else is no usage: %j', (line) => {
    expect(read(line)).toEqual({ kind: 'other' });
  });

  it.each([
    ['input_tokens', withUsage({ input_tokens: -1 })],
    ['input_tokens', withUsage({ input_tokens: undefined })],
    ['output_tokens', withUsage({ output_tokens: 1.5 })],
    ['output_tokens', withUsage({ output_tokens: '3' })],
    ['cache_read_input_tokens', withUsage({ cache_read_input_tokens: 2 ** 53 })],
    ['id is missing', { ...answer, message: { ...message, id: undefined } }],
    ['model is no plain text', { ...answer, message: { ...message, model: 'a\0b' } }],
    ['model is no plain text', { ...answer, message: { ...message, model: '\ud800' } }],
    ['sessionId is missing', { ...answer, sessionId: undefined }],
    ['timestamp is missing', { ...answer, timestamp: undefined }],
  ])('with a bad %s is broken, and says so', (reason, line) => {
    expect(read(line)).toEqual({ kind: 'broken', reason: expect.stringContaining(reason) });
  });

  it.each(['', '{', 'null', '[]', '7', '"text"'])('that is no object, %j, is broken', (text) => {
    expect(readTranscriptLine(text, 'bot').kind).toBe('broken');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.json(), (text) => readTranscriptLine(text, 'bot').kind !== undefined));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (some, other) => {
        read({ ...answer, message: { ...message, id: some, usage: { ...usage, cache_creation: other } } });
      }),
    );
  });
});

describe('the usage of many lines', () => {
  const lineOf = (sessionId: string, output: number, id = 'msg_1') => {
    const line = read({
      ...answer,
      sessionId,
      message: { ...message, id, usage: { ...usage, output_tokens: output } },
    });
    if (line.kind !== 'usage') throw new Error('no usage');
    return line.usage;
  };

  it('holds each request once, as its last line has it, in the session where it was first seen', () => {
    const all = new TranscriptUsage();
    for (const line of [lineOf('a', 1), lineOf('a', 1), lineOf('a', 40), lineOf('b', 40), lineOf('b', 2, 'msg_2')]) {
      all.add(line);
    }
    expect(all.repeated).toBe(3);
    expect(all.records().map(({ eventId, sessionId, outputTokens }) => [eventId, sessionId, outputTokens])).toEqual([
      ['claude-code:msg_1:req_1', 'bot:a', 40],
      ['claude-code:msg_2:req_1', 'bot:b', 2],
    ]);
  });
});
