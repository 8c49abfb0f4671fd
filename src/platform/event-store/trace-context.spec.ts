import { describe, expect, it } from '@jest/globals';
import { isTraceparent, traceparentOf } from './trace-context.js';

const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a traceparent', () => {
  it('is kept when it has the W3C form', () => {
    expect(traceparentOf(` ${valid} `)).toBe(valid);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['an upper-case trace id', valid.toUpperCase()],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['a parent id of zeros', `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`],
    ['the forbidden version', `ff${valid.slice(2)}`],
    ['a field too many', `${valid}-00`],
    ['a line break inside', `${valid}\nx: y`],
  ])('is dropped when it is %s', (_, header) => {
    expect(traceparentOf(header)).toBeUndefined();
  });

  it('is checked to the last character', () => {
    expect(isTraceparent(`${valid} `)).toBe(false);
  });
});
