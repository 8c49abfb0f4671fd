import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { budgetDecider, type BudgetCommand, type BudgetState } from './budget.decider.js';
import type { BudgetEvent, BudgetTerms, ThresholdKind } from './budgets.events.js';

const { given, fold } = deciderSpec(budgetDecider);

const budgetId = '6f1c2d3e-0000-4000-8000-000000000001';
const scope = { projectId: null, agent: 'bot', taskId: null, model: null };
const terms: BudgetTerms = {
  name: 'bot',
  scope,
  period: { kind: 'month', days: null, zone: 'UTC' },
  limitUsd: '100',
  softPercents: [50, 80],
  hard: true,
};
const NOVEMBER = 'month 2026-11-01';
const DECEMBER = 'month 2026-12-01';

const defined: BudgetEvent = { type: 'BudgetDefined', data: { budgetId, ...terms } };
const assess = (spentUsd: string, position = '10', more: object = {}): BudgetCommand => ({
  type: 'AssessBudget',
  terms,
  period: NOVEMBER,
  spentUsd,
  unpricedRequests: 3,
  position,
  ...more,
});
const crossing = (
  kind: ThresholdKind,
  percent: number,
  number: number,
  spentUsd: string,
  position = '10',
  more: object = {},
) => ({
  budgetId,
  name: 'bot',
  scope,
  period: NOVEMBER,
  kind,
  percent,
  crossing: number,
  limitUsd: '100',
  spentUsd,
  unpricedRequests: 3,
  position,
  ...more,
});
const reached = (...args: Parameters<typeof crossing>): BudgetEvent => ({
  type: 'BudgetThresholdReached',
  data: crossing(...args),
});
const recovered = (...args: Parameters<typeof crossing>): BudgetEvent => ({
  type: 'BudgetRecovered',
  data: crossing(...args),
});

describe('a budget', () => {
  it('is defined once', () => {
    given().when({ type: 'DefineBudget', budgetId, terms }).thenEvents(defined);
    given(defined).when({ type: 'DefineBudget', budgetId, terms }).thenNothing();
  });

  it('is changed when something is different', () => {
    const other = { ...terms, limitUsd: '200' };
    given(defined)
      .when({ type: 'ChangeBudget', terms: other })
      .thenEvents({ type: 'BudgetChanged', data: { budgetId, ...other } });
    given(defined)
      .when({ type: 'ChangeBudget', terms: structuredClone(terms) })
      .thenNothing();
    given().when({ type: 'ChangeBudget', terms }).thenRefused('NotDefined');
  });

  it('is deleted for ever', () => {
    const deleted: BudgetEvent = { type: 'BudgetDeleted', data: { budgetId, name: 'bot' } };
    given(defined).when({ type: 'DeleteBudget' }).thenEvents(deleted);
    given(defined, deleted).when({ type: 'DeleteBudget' }).thenNothing();
    given(defined, deleted).when({ type: 'ChangeBudget', terms }).thenRefused('Deleted');
    given(defined, deleted).when(assess('1000.000000000000')).thenRefused('Deleted');
    given().when({ type: 'DeleteBudget' }).thenRefused('NotDefined');
  });
});

describe('a threshold', () => {
  it('is reached at its very amount, and not a unit before', () => {
    given(defined).when(assess('49.999999999999')).thenNothing();
    given(defined)
      .when(assess('50.000000000000'))
      .thenEvents(reached('soft', 50, 1, '50.000000000000'));
  });

  it('is told of with all that are reached at once', () => {
    given(defined)
      .when(assess('100.000000000000'))
      .thenEvents(
        reached('soft', 50, 1, '100.000000000000'),
        reached('soft', 80, 1, '100.000000000000'),
        reached('hard', 100, 1, '100.000000000000'),
      );
  });

  it('is told of once a crossing, whoever looks and however often', () => {
    const half = reached('soft', 50, 1, '50.000000000000');
    given(defined, half).when(assess('50.000000000000')).thenNothing();
    given(defined, half).when(assess('60.000000000000', '11')).thenNothing();
  });

  it('that a correction leaves again is told of once, and crossing it again is a crossing of its own', () => {
    const half = reached('soft', 50, 1, '50.000000000000');
    const back = recovered('soft', 50, 1, '49.000000000000', '11');
    given(defined, half).when(assess('49.000000000000', '11')).thenEvents(back);
    given(defined, half, back).when(assess('49.000000000000', '12')).thenNothing();
    given(defined, half, back)
      .when(assess('51.000000000000', '13'))
      .thenEvents(reached('soft', 50, 2, '51.000000000000', '13'));
  });

  it('is each period’s own', () => {
    const half = reached('soft', 50, 1, '50.000000000000');
    given(defined, half)
      .when(assess('50.000000000000', '11', { period: DECEMBER }))
      .thenEvents(reached('soft', 50, 1, '50.000000000000', '11', { period: DECEMBER }));
    const next = reached('soft', 50, 1, '50.000000000000', '11', { period: DECEMBER });
    given(defined, half, next)
      .when(assess('80.000000000000', '12'))
      .thenEvents(reached('soft', 80, 1, '80.000000000000', '12'));
  });

  it('is not undone by somebody who has not seen as much', () => {
    const half = reached('soft', 50, 1, '50.000000000000', '20');
    given(defined, half).when(assess('10.000000000000', '19')).thenNothing();
  });

  it('is not decided on figures for other terms', () => {
    given(defined)
      .when(assess('100.000000000000', '10', { terms: { ...terms, limitUsd: '10' } }))
      .thenNothing();
  });

  it('moves with the limit, and ends with its percentage', () => {
    const all = [reached('soft', 50, 1, '60.000000000000'), reached('hard', 100, 1, '60.000000000000')];
    const other = { ...terms, limitUsd: '200', softPercents: [30], hard: false };
    const changed: BudgetEvent = { type: 'BudgetChanged', data: { budgetId, ...other } };
    const at = ['60.000000000000', '11', { limitUsd: '200' }] as const;
    given(defined, ...all, changed)
      .when(assess('60.000000000000', '11', { terms: other }))
      .thenEvents(recovered('soft', 50, 1, ...at), recovered('hard', 100, 1, ...at), reached('soft', 30, 1, ...at));
  });
});

describe('always', () => {
  const someTerms = fc.record({
    limitUsd: fc.constantFrom('1', '2.5', '100'),
    softPercents: fc.constantFrom([], [50], [50, 80, 100], [1000]),
    hard: fc.boolean(),
  });
  const command = fc.oneof(
    fc.constant<BudgetCommand>({ type: 'DefineBudget', budgetId, terms }),
    someTerms.map((each): BudgetCommand => ({ type: 'ChangeBudget', terms: { ...terms, ...each } })),
    fc
      .tuple(fc.nat(300), fc.nat(20), fc.constantFrom(NOVEMBER, DECEMBER), fc.option(someTerms, { nil: {} }))
      .map(([spent, position, period, each]) =>
        assess(`${spent}.000000000000`, String(position), { period, terms: { ...terms, ...each } }),
      ),
    fc.constant<BudgetCommand>({ type: 'DeleteBudget' }),
  );

  const run = (commands: readonly BudgetCommand[]) => {
    const events: BudgetEvent[] = [];
    let state: BudgetState = budgetDecider.initialState;
    for (const each of commands) {
      const decision = budgetDecider.decide(each, state);
      if (decision.kind !== 'accepted') continue;
      events.push(...decision.events);
      state = fold(events);
      const again = budgetDecider.decide(each, state);
      expect(again.kind === 'accepted' ? again.events : []).toEqual([]);
    }
    return events;
  };

  it('decides nothing when the goal already holds, whatever came before', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 30 }), (commands) => void run(commands)));
  });

  it('numbers the crossings of a threshold without a gap, and recovers only what was reached', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const state = new Map<string, { crossing: number; isReached: boolean }>();
        for (const event of run(commands)) {
          if (event.type !== 'BudgetThresholdReached' && event.type !== 'BudgetRecovered') continue;
          const { period, kind, percent, crossing: number } = event.data;
          const key = `${period} ${kind} ${percent}`;
          const before = state.get(key) ?? { crossing: 0, isReached: false };
          const isReached = event.type === 'BudgetThresholdReached';
          expect(before.isReached).toBe(!isReached);
          expect(number).toBe(isReached ? before.crossing + 1 : before.crossing);
          state.set(key, { crossing: number, isReached });
        }
      }),
    );
  });

  it('ignores event types that it does not know', () => {
    const state = fold([defined]);
    expect(budgetDecider.evolve(state, { type: 'BudgetBurnt', data: {} } as unknown as BudgetEvent)).toBe(state);
  });
});
