import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { checkName, foldedName } from './agent.names.js';

describe('an agent name', () => {
  it.each([
    'build-bot',
    '  padded  ',
    'a/b',
    '..',
    '%2F',
    '$all',
    '-',
    '__proto__',
    'constructor',
    'Zoë',
    '名前',
    '4ever',
    '👩‍🚀'.slice(0, 2),
  ])('may be %j', (given) => {
    expect(checkName(given)).toMatchObject({ kind: 'name', name: given.normalize('NFC').trim() });
  });

  it.each([
    ['', 'blank'],
    ['   ', 'blank'],
    ['a:b', 'colon'],
    ['42', 'digits'],
    ['\u0664\u0662', 'digits'],
    ['a\u0000b', 'control'],
    ['a\nb', 'control'],
    ['a\u202eb', 'control'],
    ['a\u200bb', 'control'],
    ['a\ufeffb', 'control'],
    ['x'.repeat(101), '100'],
    ['\ud800', 'well-formed'],
    ['register', 'route'],
  ])('may not be %j', (given, reason) => {
    expect(checkName(given)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) });
  });

  it('is the same however it was composed', () => {
    expect(checkName('Zoe\u0308')).toEqual(checkName('Zo\u00eb'));
  });

  it('meets its look-alikes when folded', () => {
    expect(foldedName('Build-Bot')).toBe(foldedName('build-bot'));
    expect(foldedName('ﬁle')).toBe(foldedName('file'));
    expect(foldedName('Ｂot')).toBe(foldedName('bot'));
    expect(foldedName('straße')).toBe(foldedName('STRASSE'));
  });

  it('stays what it is when checked again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (given) => {
        const once = checkName(given);
        if (once.kind === 'name') expect(checkName(once.name)).toEqual(once);
      }),
    );
  });
});
