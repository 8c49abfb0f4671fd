import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { handleOf, handlesIn, mentions, readingsOf } from './mention.names.js';

describe('mentions', () => {
  it('are found once each, in lower case and in order', () => {
    expect(handlesIn('@Zed, (@amy) @ZED! and @build-bot2')).toEqual(['zed', 'amy', 'build-bot2']);
  });

  it('are not the hosts of mail addresses, nor bare or strange signs', () => {
    expect(handlesIn('me@example.com @ @- @_x @é a.@b')).toEqual([]);
    expect(handlesIn(null)).toEqual([]);
  });

  it('at the end of a sentence may be meant without its full stop', () => {
    expect(readingsOf('bob.')).toEqual(['bob.', 'bob']);
    expect(readingsOf('bob')).toEqual(['bob']);
    expect(mentions('ask @bob.', 'Bob')).toBe(true);
  });

  it('of a name with blanks are written with dashes', () => {
    expect(handleOf('Build Bot')).toBe('build-bot');
    expect(mentions('@Build-Bot', 'build bot')).toBe(true);
  });

  it('are at most 64 characters, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const handle of handlesIn(`${text} @${text}`)) expect(handle).toMatch(/^[a-z0-9][a-z0-9._-]{0,63}$/);
      }),
    );
  });
});
