import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isKeyShaped, keyChecksum } from './key-format.js';
import { keyHash, keyPepper } from './key-hash.js';
import { hasKeyInQuery, presentedKey } from './presented-key.js';
import { WrongKeys } from './wrong-keys.js';

const base62 = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
const digits = fc.array(fc.constantFrom(...base62), { minLength: 30, maxLength: 30 }).map((all) => all.join(''));

describe('the shape of a key', () => {
  it('holds a checksum that notices every single wrong character', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('mca_', 'mck_'),
        digits,
        fc.nat({ max: 35 }),
        fc.constantFrom(...base62),
        (prefix, random, at, other) => {
          const key = `${prefix}${random}${keyChecksum(prefix + random)}`;
          expect(isKeyShaped(key)).toBe(true);
          const typo = `${key.slice(0, 4 + at)}${other}${key.slice(5 + at)}`;
          expect(isKeyShaped(typo)).toBe(typo === key);
        },
      ),
    );
  });

  it('has a checksum of six digits, computed as zlib computes it', () => {
    expect(keyChecksum('')).toBe('000000');
    // CRC-32 of "123456789" is 0xcbf43926 by definition of the check value.
    const value = Array.from(keyChecksum('123456789')).reduce((sum, digit) => sum * 62 + base62.indexOf(digit), 0);
    expect(value).toBe(0xcbf43926);
  });

  it.each([
    ['a free environment key', 'some-key-of-an-operator-24', true],
    ['nothing', '', false],
    ['a blank inside', 'some key', false],
    ['a control character', 'some\u0007key', false],
    ['no ASCII', 'schlüssel', false],
    ['513 characters', 'x'.repeat(513), false],
    ['512 characters', 'x'.repeat(512), true],
    ['an issued key cut short', 'mck_0123', false],
  ])('%s: %j', (_, key, expected) => {
    expect(isKeyShaped(key)).toBe(expected);
  });

  it('is hashed under a pepper of its own', () => {
    const a = keyHash('key', keyPepper(Buffer.alloc(32, 1)));
    expect(a).toMatch(/^[0-9a-f]{64}$/);
    expect(a).not.toBe(keyHash('key', keyPepper(Buffer.alloc(32, 2))));
  });
});

describe('the key that a request presents', () => {
  it.each([
    [{}, { kind: 'none' }],
    [{ 'x-api-key': 'k' }, { kind: 'key', key: 'k' }],
    [{ authorization: 'Bearer k' }, { kind: 'key', key: 'k' }],
    [{ authorization: 'apikey   k' }, { kind: 'key', key: 'k' }],
    [{ authorization: 'TOKEN k' }, { kind: 'key', key: 'k' }],
    [{ authorization: 'Basic k' }, { kind: 'none' }],
    [{ authorization: 'k' }, { kind: 'none' }],
    [
      { 'x-api-key': 'k', authorization: 'Bearer k' },
      { kind: 'key', key: 'k' },
    ],
    [{ 'x-api-key': 'k', authorization: 'Bearer l' }, { kind: 'conflicting' }],
    [{ 'x-api-key': 'k, k' }, { kind: 'conflicting' }],
    [{ authorization: 'Bearer k, Bearer k' }, { kind: 'conflicting' }],
  ])('in %j is %j', (headers, expected) => {
    expect(presentedKey(headers)).toEqual(expected);
  });

  it.each([
    ['/x?token=1', true],
    ['/x?a=1&Api-Key=1', true],
    ['/x?%61pi_key=1', true],
    ['/x?token', true],
    ['/x?tokens=1', false],
    ['/x?mytoken=1', false],
    ['/x?q=token', false],
    ['/token=1', false],
    ['/x?ticket=1', false],
  ])('in the URL %s: %s', (url, expected) => {
    expect(hasKeyInQuery(url)).toBe(expected);
  });
});

describe('wrong keys', () => {
  const refuse = (wrong: WrongKeys, times: number, at: number) =>
    Array.from({ length: times }, () => wrong.refused('net', at));

  it('are answered plainly ten times a minute', () => {
    const wrong = new WrongKeys();
    expect(refuse(wrong, 10, 1000).every((wait) => wait === 0)).toBe(true);
    expect(refuse(wrong, 10, 62_000).every((wait) => wait === 0)).toBe(true);
  });

  it('then wait 30 s, doubling to 15 min', () => {
    const wrong = new WrongKeys();
    let now = 1000;
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const wait = Math.max(...refuse(wrong, 11, now));
      waits.push(wait);
      now += Math.max(wait * 1000, 60_000);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
  });

  it('begin again at 30 s after a quiet quarter of an hour', () => {
    const wrong = new WrongKeys();
    expect(Math.max(...refuse(wrong, 11, 1000))).toBe(30);
    expect(Math.max(...refuse(wrong, 11, 2_000_000))).toBe(30);
  });

  it('of one network do not touch another, and a flood of networks stays bounded', () => {
    const wrong = new WrongKeys();
    refuse(wrong, 20, 1000);
    expect(wrong.refused('other', 1000)).toBe(0);
    for (let i = 0; i < 50_000; i += 1) expect(wrong.refused(`n${i}`, 1000)).toBe(0);
  });
});
