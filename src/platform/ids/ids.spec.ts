import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import { derivedId } from './ids.js';

const NAMESPACE = '6f2d1c1e-8a45-5b0c-9a77-3a1f6f1f3c55';

describe('a derived id', () => {
  it('is the UUIDv5 of its length-prefixed parts, as the library makes it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 }),
        ([purpose = '', ...parts]) => {
          const name = [purpose, ...parts].map((part) => `${part.length}:${part}`).join('');
          expect(derivedId(purpose, ...parts)).toBe(v5(Buffer.from(name), NAMESPACE));
        },
      ),
    );
  });

  it('never changes, because stored ids depend on it', () => {
    expect(derivedId('usage', 1, 'run-81-1')).toBe('9705159c-d969-5a42-b756-13935e4a9b16');
  });

  it('tells parts apart that read the same when joined', () => {
    expect(derivedId('x', 'ab', 'c')).not.toBe(derivedId('x', 'a', 'bc'));
  });
});
