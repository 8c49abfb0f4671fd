import { describe, expect, it } from '@jest/globals';
import { appendOutcomeOf, readOutcomeOf } from './outcome.js';

describe('what a rejected append means', () => {
  it('is a conflict with what the stream really is at', () => {
    expect(appendOutcomeOf({ type: 'wrong-expected-version', actualVersion: 7n })).toEqual({
      kind: 'conflict',
      actual: 7n,
    });
    expect(appendOutcomeOf({ type: 'wrong-expected-version', actualVersion: 'no_stream' })).toEqual({
      kind: 'conflict',
      actual: 'no_stream',
    });
  });

  it.each([
    'stream-deleted',
    'maximum-append-size-exceeded',
    'missing-required-metadata-property',
    'access-denied',
    'invalid-argument',
  ])('is a refusal for good by %s', (type) => {
    expect(appendOutcomeOf({ type })).toEqual({ kind: 'refused', reason: type });
  });

  it.each(['unavailable', 'cancelled', 'deadline-exceeded', 'timeout', 'not-leader', 'unknown', 'something-new'])(
    'is unknown by %s',
    (type) => {
      expect(appendOutcomeOf({ type }).kind).toBe('unknown');
    },
  );

  it.each([[{ code: 14 }], [new Error('plain')], ['a text'], [undefined], [null]])(
    'is unknown when the client gives no type: %p',
    (error) => {
      expect(appendOutcomeOf(error).kind).toBe('unknown');
    },
  );
});

describe('what a failed read means', () => {
  it.each([
    ['stream-not-found', 'missing'],
    ['stream-deleted', 'refused'],
    ['access-denied', 'refused'],
    ['unavailable', 'unavailable'],
    ['cancelled', 'unavailable'],
    ['unknown', 'unavailable'],
  ])('%s is %s', (type, outcome) => {
    expect(readOutcomeOf({ type })).toBe(outcome);
  });

  it('is a refused position when the server calls an argument invalid, with or without a type', () => {
    expect(readOutcomeOf({ type: 'unknown', code: 3 })).toBe('position-refused');
    expect(readOutcomeOf({ code: 3 })).toBe('position-refused');
  });
});
