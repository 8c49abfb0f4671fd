import { describe, expect, it } from '@jest/globals';
import { Refusal } from '../platform/http/errors.js';
import { pollRequest } from './poll-request.js';

const refusalOf = (...given: Parameters<typeof pollRequest>): unknown => {
  try {
    return pollRequest(...given);
  } catch (error) {
    return error instanceof Refusal ? [error.status, error.message] : error;
  }
};

describe('a poll of the queue', () => {
  it('names its agent in the query, else in the body, else in the header, and asks for one task unless it says more', () => {
    expect(pollRequest({ agent: 'a' }, { agent: 'b', max_capacity: 3 }, 'c')).toEqual({ agent: 'a', maxCapacity: 3 });
    expect(pollRequest({ max_capacity: '2' }, { agent: ' b ', max_capacity: 3 }, 'c')).toEqual({
      agent: 'b',
      maxCapacity: 2,
    });
    expect(pollRequest({}, null, 'c')).toEqual({ agent: 'c', maxCapacity: 1 });
  });

  it.each([[{}], [{ agent: '' }]])('without an agent (%j) is refused', (query) => {
    const expected = [400, 'Missing agent. Provide ?agent=... or x-agent-name header.'];
    expect(refusalOf(query, undefined, undefined)).toEqual(expected);
  });

  it.each([
    [{ agent: ['a', 'b'] }],
    [{ agent: '7' }],
    [{ agent: 'a:b' }],
    [{ agent: '  ' }],
    [{ agent: 'x'.repeat(101) }],
  ])('of what cannot be an agent (%j) is refused', (query) => {
    expect(refusalOf(query, undefined, undefined)).toEqual([400, expect.stringMatching(/^Invalid agent\. /)]);
  });

  const badCapacity = [400, 'Invalid max_capacity. Expected integer 1..20.'];

  it.each(['0', '21', '-1', '1.5', '', 'abc', '1e1', ' 2', ['1', '2']])('for %j tasks is refused', (capacity) => {
    expect(refusalOf({ agent: 'a', max_capacity: capacity }, undefined, undefined)).toEqual(badCapacity);
  });

  it.each([0, 21, -1, 1.5, '2', true, [], {}])('for %j tasks in a body is refused', (capacity) => {
    expect(refusalOf({ agent: 'a' }, { max_capacity: capacity }, undefined)).toEqual(badCapacity);
  });

  it('with a body that is no object is refused', () => {
    expect(refusalOf({ agent: 'a' }, [], undefined)).toEqual([400, 'Validation failed']);
  });
});
