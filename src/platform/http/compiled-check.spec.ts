import { describe, expect, it } from '@jest/globals';
import { compiledCheck } from './compiled-check.js';

const check = compiledCheck({
  type: 'object',
  properties: {
    model: { type: 'string', minLength: 1, maxLength: 200 },
    inputTokens: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    status: { enum: ['online', 'idle'] },
    id: { type: 'string', pattern: '^[a-z]+$', description: 'lower-case letters' },
    ack: { type: 'array', maxItems: 2, items: { type: 'integer', minimum: 1 } },
    note: { type: ['string', 'null'], maxLength: 5 },
  },
  required: ['model'],
});

describe('a compiled check', () => {
  it('is undefined for what fits, unknown fields included', () => {
    expect(check({ model: 'x', inputTokens: 0, note: null, other: 1 })).toBeUndefined();
  });

  it.each([
    [{}, 'model: is required'],
    [{ model: '' }, 'model: must be a string of 1 to 200 characters'],
    [{ model: 1 }, 'model: must be a string of 1 to 200 characters'],
    [{ model: 'x', inputTokens: '100' }, 'inputTokens: must be an integer from 0 to 9007199254740991'],
    [{ model: 'x', inputTokens: -1 }, 'inputTokens: must be an integer from 0 to 9007199254740991'],
    [{ model: 'x', inputTokens: 2 ** 53 }, 'inputTokens: must be an integer from 0 to 9007199254740991'],
    [{ model: 'x', status: 'gone' }, 'status: must be one of online, idle'],
    [{ model: 'x', id: 'A' }, 'id: must be lower-case letters'],
    [{ model: 'x', ack: [1, 2, 3] }, 'ack: must be an array of at most 2 items'],
    [{ model: 'x', ack: [0] }, 'ack.0: must be an integer of 1 or more'],
    [{ model: 'x', note: 'longer' }, 'note: must be a string of at most 5 characters or null'],
    [[], 'body: must be an object'],
    [null, 'body: must be an object'],
  ])('of %j says %s', (value, reason) => {
    expect(check(value)).toEqual([reason]);
  });

  it('names the record in a bulk by its prefix', () => {
    expect(check({}, '[3].')).toEqual(['[3].model: is required']);
  });
});
