import { describe, expect, it } from '@jest/globals';
import { proveNothingMissed, proveTotals } from './proof.js';

const lines = [
  { position: '1-01', type: 'AgentRegistered' },
  { position: '1-02', type: 'HeartbeatReceived' },
  { position: '1-03', type: 'ConnectionOpened' },
  { position: '1-04', type: 'ConnectionClosed' },
];
const exported = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const end = `${JSON.stringify({ end: true, count: lines.length })}\n`;

async function verdict(ids: readonly string[], text = exported + end): Promise<boolean> {
  const listener = {
    start: '1-00',
    facts: ids.map((id) => ({ id, type: 'any' })),
    lastEventId: ids.at(-1),
    connections: 3,
    lostBytes: 0,
  };
  const findings = await proveNothingMissed({ text: async () => text }, listener, 20);
  return findings.every(({ holds }) => holds);
}

describe('the proof of the demo', () => {
  it('holds for a listener that received every fact once, in order', async () => {
    expect(await verdict(['1-01', '1-03', '1-04'])).toBe(true);
  });

  it('fails when the export of the log was cut off', async () => {
    expect(await verdict(['1-01', '1-03', '1-04'], exported)).toBe(false);
  });

  it.each([
    ['misses one in the middle', ['1-01', '1-04']],
    ['misses the last', ['1-01', '1-03']],
    ['misses all', []],
    ['received one twice', ['1-01', '1-03', '1-03', '1-04']],
    ['received two in another order', ['1-03', '1-01', '1-04']],
  ])('fails for a listener that %s', async (_, ids) => {
    expect(await verdict(ids)).toBe(false);
  });

  it.each([
    ['holds when the sums are what was sent', 2, 30, true],
    ['fails when a report counts twice', 3, 45, false],
    ['fails when a token is missing', 2, 29, false],
  ])('%s', async (_, requestCount, totalTokens, holds) => {
    const totals = { call: async <T>() => ({ sessions: { 'a:1': { requestCount, totalTokens } } }) as T };
    const finding = await proveTotals(totals, new Map([['a:1', { requests: 2, tokens: 30 }]]));
    expect(finding.holds).toBe(holds);
  });
});
