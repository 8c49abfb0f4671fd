import { describe, expect, it } from '@jest/globals';
import { passesFilter, wireFilterOf } from './log-filter.js';

describe('the filter on the server', () => {
  it('leaves out system streams when nothing else is asked', () => {
    expect(wireFilterOf(undefined)).toEqual({ regex: '^(?!\\$)' });
    expect(passesFilter(undefined, 'agent-1')).toBe(true);
    expect(passesFilter(undefined, '$$agent-1')).toBe(false);
  });

  it('is a list of prefixes when only some streams are asked for', () => {
    const filter = { streamPrefixes: ['agent-', 'usage-'] };

    expect(wireFilterOf(filter)).toEqual({ prefixes: ['agent-', 'usage-'] });
    expect(passesFilter(filter, 'usage-3')).toBe(true);
    expect(passesFilter(filter, 'task-3')).toBe(false);
  });

  it('leaves out the streams that are not wanted, by prefix and not by substring', () => {
    const filter = { withoutStreamPrefixes: ['heartbeat-'] };

    expect(wireFilterOf(filter)).toEqual({ regex: '^(?!\\$|heartbeat-)' });
    expect(passesFilter(filter, 'heartbeat-3')).toBe(false);
    expect(passesFilter(filter, 'agent-heartbeat-3')).toBe(true);
    expect(passesFilter(filter, 'heartbeats')).toBe(true);
    expect(passesFilter(filter, '$stats')).toBe(false);
  });

  it('takes both sides together', () => {
    const filter = { streamPrefixes: ['agent'], withoutStreamPrefixes: ['agentname-'] };

    expect(passesFilter(filter, 'agent-1')).toBe(true);
    expect(passesFilter(filter, 'agentname-1')).toBe(false);
    expect(passesFilter(filter, 'task-1')).toBe(false);
  });

  it('takes characters of a prefix literally', () => {
    const filter = { withoutStreamPrefixes: ['a.b(c)|d-'] };

    expect(passesFilter(filter, 'a.b(c)|d-1')).toBe(false);
    expect(passesFilter(filter, 'axb(c)|d-1')).toBe(true);
  });
});
