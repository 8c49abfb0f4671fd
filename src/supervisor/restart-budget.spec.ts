import { describe, expect, it } from '@jest/globals';
import { RestartBudget } from './restart-budget.js';

describe('the restart budget', () => {
  it('waits longer after each quick death and gives up at the fourth within a minute', () => {
    const budget = new RestartBudget(() => 0);
    expect([budget.died(0), budget.died(10), budget.died(1_999), budget.died(0)]).toEqual([
      250,
      1_000,
      3_000,
      undefined,
    ]);
  });

  it('never gives up on a part that serves between its deaths', () => {
    const budget = new RestartBudget(() => 0);
    for (let deaths = 0; deaths < 100; deaths += 1) expect(budget.died(2_000)).toBe(100);
  });

  it('forgets quick deaths when the part has served, and after a minute', () => {
    let now = 0;
    const budget = new RestartBudget(() => now);
    budget.died(0);
    budget.died(0);
    budget.died(5_000);
    expect(budget.died(0)).toBe(250);
    now = 60_000;
    expect(budget.died(0)).toBe(250);
  });
});
