import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Refusal } from '../platform/http/errors.js';
import { budgetTermsIn } from './budget-body.js';

const least = { name: 'team', period: { kind: 'month' }, limitUsd: '250' };

function detailsOf(body: unknown): unknown {
  try {
    budgetTermsIn(body);
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.status).toBe(400);
    return error.extra['details'];
  }
}

describe('the terms of a budget', () => {
  it('are filled in: the whole workspace, 50, 80 and 100 percent, not hard, UTC', () => {
    expect(budgetTermsIn(least)).toEqual({
      name: 'team',
      scope: { projectId: null, agent: null, taskId: null, model: null },
      period: { kind: 'month', days: null, zone: 'UTC' },
      limitUsd: '250',
      softPercents: [50, 80, 100],
      hard: false,
    });
  });

  it('are taken as given, in one spelling', () => {
    const body = {
      name: ' team ',
      scope: { projectId: 3, agent: 'bot', taskId: 9, model: null },
      period: { kind: 'rolling', days: 30, zone: 'Asia/Kolkata' },
      limitUsd: '0250.500',
      softPercents: [100, 80, 80],
      hard: true,
    };
    expect(budgetTermsIn(body)).toEqual({
      ...body,
      name: 'team',
      limitUsd: '250.5',
      softPercents: [80, 100],
    });
  });

  it('are refused with every fault', () => {
    expect(
      detailsOf({
        name: '',
        scope: { projectId: 0, user: 'x' },
        period: { kind: 'month', days: 3, zone: 'Mars; drop' },
        limitUsd: 250,
        softPercents: [0],
        hard: 'yes',
        currency: 'EUR',
      }),
    ).toEqual([
      'currency: is no field of a budget',
      'scope.user: is no field of a budget',
      'scope.projectId: must be a positive integer',
      'hard: must be true or false',
      'name: must be a string of 1 to 100 characters',
      'period.days: is for rolling periods',
      'period.zone: must be an IANA time zone',
      'limitUsd: must be a decimal string above 0, such as "250.00", with at most 12 decimals',
      'softPercents: must be a list of at most 20 integers from 1 to 1000',
    ]);
  });

  it.each(['0', '0.000000000000', '-1', '1e3', '1.0000000000001', '123456789012345678901', '', ' 1', 1, null])(
    'have no limit of %j',
    (limitUsd) => {
      expect(detailsOf({ ...least, limitUsd })).toHaveLength(1);
    },
  );

  it.each([0, 367, 1.5, '30', null])('have no rolling period of %j days', (days) => {
    expect(detailsOf({ ...least, period: { kind: 'rolling', days } })).toHaveLength(1);
  });

  it('may not stop work by the model, which no task names', () => {
    expect(detailsOf({ ...least, scope: { model: 'gpt-4o' }, hard: true })).toHaveLength(1);
    expect(detailsOf({ ...least, scope: { model: 'gpt-4o' }, hard: false })).toEqual([]);
  });

  it('of any value are terms or a refusal', () => {
    fc.assert(fc.property(fc.anything(), (body) => void detailsOf(body)));
  });
});
