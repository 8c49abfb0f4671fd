import { describe, expect, it } from '@jest/globals';
import { wireFilterOf } from './log-filter.js';

function passes(filter: ReturnType<typeof wireFilterOf>, stream: string): boolean {
  return 'prefixes' in filter
    ? filter.prefixes.some((prefix) => stream.startsWith(prefix))
    : new RegExp(filter.regex).test(stream);
}

describe('the filter on the server', () => {
  it('leaves out system streams when nothing else is asked', () => {
    const filter = wireFilterOf(undefined);

    expect(filter).toEqual({ regex: '^(?!\\$)' });
    expect(passes(filter, 'agent-1')).toBe(true);
    expect(passes(filter, '$$agent-1')).toBe(false);
  });

  it('is a list of prefixes when only some streams are asked for', () => {
    expect(wireFilterOf({ streamPrefixes: ['agent-', 'usage-'] })).toEqual({ prefixes: ['agent-', 'usage-'] });
  });

  it('leaves out the streams that are not wanted, by prefix and not by substring', () => {
    const filter = wireFilterOf({ withoutStreamPrefixes: ['heartbeat-'] });

    expect(filter).toEqual({ regex: '^(?!\\$|heartbeat-)' });
    expect(passes(filter, 'heartbeat-3')).toBe(false);
    expect(passes(filter, 'agent-heartbeat-3')).toBe(true);
    expect(passes(filter, 'heartbeats')).toBe(true);
    expect(passes(filter, '$stats')).toBe(false);
  });

  it('takes both sides together', () => {
    const filter = wireFilterOf({ streamPrefixes: ['agent'], withoutStreamPrefixes: ['agentname-'] });

    expect(passes(filter, 'agent-1')).toBe(true);
    expect(passes(filter, 'agentname-1')).toBe(false);
    expect(passes(filter, 'task-1')).toBe(false);
  });

  it('takes characters of a prefix literally', () => {
    const filter = wireFilterOf({ withoutStreamPrefixes: ['a.b(c)|d-'] });

    expect(passes(filter, 'a.b(c)|d-1')).toBe(false);
    expect(passes(filter, 'axb(c)|d-1')).toBe(true);
  });
});
