import { describe, expect, it } from '@jest/globals';
import { OutageHold } from './outage-hold.js';

describe('silence after an outage', () => {
  it('counts only when agents could be heard for as long as they may be silent', () => {
    const hold = new OutageHold(1_000);
    expect(hold.allows(90_999, 90)).toBe(false);
    expect(hold.allows(91_000, 90)).toBe(true);
    hold.outage(100_000);
    expect(hold.allows(189_999, 90)).toBe(false);
    expect(hold.allows(190_000, 90)).toBe(true);
  });

  it('is held against an agent without a connection only after its own, longer timeout', () => {
    const hold = new OutageHold(0);
    expect(hold.allows(90_000, 600)).toBe(false);
    expect(hold.allows(600_000, 600)).toBe(true);
  });
});
