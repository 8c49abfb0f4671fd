import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { verifyCallback, type LiveSecret, type Signer } from './verify.js';

const NOW = 1_767_225_600;
const RUNS = Number(process.env['MC_SIGNATURE_MUTATIONS'] ?? '2000');

const secretOf = (id: string, bytes = randomBytes(32), imported = false): LiveSecret => ({
  id,
  shown: `whsec_${bytes.toString('base64')}`,
  imported,
});
const secret = secretOf('a', Buffer.alloc(32, 7));
const signer: Signer = { secrets: [secret], legacyAllowed: false };
const withLegacy: Signer = { ...signer, legacyAllowed: true };
const body = Buffer.from('{"type":"task.completed","data":{"taskId":7}}');

/** Written from the standard's text, apart from the code under test. */
function nativeMac(of: LiveSecret, id: string, timestamp: string, bytes: Buffer): string {
  const key = Buffer.from(of.shown.replace('whsec_', ''), 'base64');
  return createHmac('sha256', key)
    .update(Buffer.concat([Buffer.from(`${id}.${timestamp}.`), bytes]))
    .digest('base64');
}

function native(given: { id?: string; timestamp?: string; signature?: string; bytes?: Buffer } = {}): string[] {
  const { id = 'msg_1', timestamp = String(NOW), bytes = body } = given;
  const signature = given.signature ?? `v1,${nativeMac(secret, id, timestamp, bytes)}`;
  return ['webhook-id', id, 'webhook-timestamp', timestamp, 'webhook-signature', signature];
}

const legacyHex = (bytes = body, of = secret) => createHmac('sha256', of.shown).update(bytes).digest('hex');

function judged(headers: readonly string[], by: Signer = signer, bytes = body) {
  const verdict = verifyCallback({ headers, body: bytes }, by, NOW);
  return verdict.kind === 'accepted' ? `accepted by ${verdict.scheme}` : verdict.reason;
}

const NATIVE = 'accepted by native';
const LEGACY = 'accepted by legacy';
const good = `v1,${nativeMac(secret, 'msg_1', String(NOW), body)}`;
const mac = good.slice(3);
const flipped = `${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`;
/** Another spelling of the same bytes: the last digit carries two unused bits. */
const sloppy = `${mac.slice(0, 42)}${nextDigit(mac.charAt(42))}=`;

describe('the native scheme', () => {
  it.each([
    ['a good request', native(), NATIVE],
    ['header names in any case', native().map((text, at) => (at % 2 === 0 ? text.toUpperCase() : text)), NATIVE],
    ['300 s late', native({ timestamp: String(NOW - 300) }), NATIVE],
    ['301 s late', native({ timestamp: String(NOW - 301) }), 'outside_window'],
    ['300 s early', native({ timestamp: String(NOW + 300) }), NATIVE],
    ['301 s early', native({ timestamp: String(NOW + 301) }), 'outside_window'],
    ['time zero', native({ timestamp: '0' }), 'outside_window'],
    ['twelve digits of time', native({ timestamp: '999999999999' }), 'outside_window'],
    ['thirteen digits of time', native({ timestamp: '1000000000000' }), 'bad_timestamp'],
    ['milliseconds', native({ timestamp: `${NOW}000` }), 'bad_timestamp'],
    ['a leading zero', native({ timestamp: `0${NOW}` }), 'bad_timestamp'],
    ['junk behind the time', native({ timestamp: `${NOW}junk` }), 'bad_timestamp'],
    ['a fraction', native({ timestamp: `${NOW}.0` }), 'bad_timestamp'],
    ['a sign', native({ timestamp: `+${NOW}` }), 'bad_timestamp'],
    ['an exponent', native({ timestamp: '1e9' }), 'bad_timestamp'],
    ['hexadecimal time', native({ timestamp: '0x6955b900' }), 'bad_timestamp'],
    ['an empty time', native({ timestamp: '' }), 'bad_timestamp'],
    ['digits of another script', native({ timestamp: '١٧٦٧٢٢٥٦٠٠' }), 'bad_timestamp'],
    ['an id of one character', native({ id: 'x' }), NATIVE],
    ['an id of 256 characters', native({ id: 'x'.repeat(256) }), NATIVE],
    ['an id of 257 characters', native({ id: 'x'.repeat(257) }), 'bad_id'],
    ['an empty id', native({ id: '' }), 'bad_id'],
    ['a dot in the id', native({ id: 'a.b' }), 'bad_id'],
    ['a blank in the id', native({ id: 'a b' }), 'bad_id'],
    ['a colon in the id', native({ id: 'a:b' }), 'bad_id'],
    ['an umlaut in the id', native({ id: 'ä' }), 'bad_id'],
    ['every allowed kind of character', native({ id: 'aZ09_-' }), NATIVE],
    ['no id', native().slice(2), 'missing_header'],
    ['no time', [...native().slice(0, 2), ...native().slice(4)], 'missing_header'],
    ['no signature', native().slice(0, 4), 'missing_header'],
    ['the id twice', [...native(), 'webhook-id', 'msg_1'], 'repeated_header'],
    ['the time twice', [...native(), 'Webhook-Timestamp', String(NOW)], 'repeated_header'],
    ['the signature twice', [...native(), 'webhook-signature', good], 'repeated_header'],
    ['an unrelated header twice', [...native(), 'x-a', '1', 'x-a', '2'], NATIVE],
    ['a bad signature before the good one', native({ signature: `v1,${flipped} ${good}` }), NATIVE],
    ['the good one first of sixteen', native({ signature: list(good, 15) }), NATIVE],
    ['seventeen entries', native({ signature: list(good, 16) }), 'too_many_signatures'],
    ['ten thousand entries', native({ signature: list(good, 9_999) }), 'too_many_signatures'],
    ['an unknown version beside it', native({ signature: `v1a,abc ${good} v2,${mac}` }), NATIVE],
    ['an unknown version alone', native({ signature: `v1a,${mac}` }), 'no_usable_signature'],
    ['a capital V', native({ signature: `V1,${mac}` }), 'no_usable_signature'],
    ['no version', native({ signature: mac }), 'no_usable_signature'],
    ['a third part', native({ signature: `${good},x` }), 'no_usable_signature'],
    ['two blanks between', native({ signature: `v1,${flipped}  ${good}` }), NATIVE],
    ['a tab between', native({ signature: `v1,${flipped}\t${good}` }), 'no_usable_signature'],
    ['commas between', native({ signature: `${good},${good}` }), 'no_usable_signature'],
    ['an empty signature', native({ signature: '' }), 'no_usable_signature'],
    [
      'base64 for URLs',
      native({ signature: `v1,${mac.replaceAll('+', '-').replaceAll('/', '_').slice(0, 43)}` }),
      'no_usable_signature',
    ],
    ['no padding', native({ signature: `v1,${mac.slice(0, 43)}` }), 'no_usable_signature'],
    ['too much padding', native({ signature: `v1,${mac}=` }), 'no_usable_signature'],
    ['a spelling that is not canonical', native({ signature: `v1,${sloppy}` }), 'no_usable_signature'],
    ['hexadecimal', native({ signature: `v1,${Buffer.from(mac, 'base64').toString('hex')}` }), 'no_usable_signature'],
    ['text that is no ASCII', native({ signature: `v1,${'ä'.repeat(43)}=` }), 'no_usable_signature'],
    ['the wrong first byte', native({ signature: `v1,${flipped}` }), 'wrong_signature'],
    ['the signature of another id', native({ id: 'msg_2', signature: good }), 'wrong_signature'],
    ['the signature of another time', native({ timestamp: String(NOW - 1), signature: good }), 'wrong_signature'],
    [
      'the signature of another secret',
      native({ signature: `v1,${nativeMac(secretOf('b'), 'msg_1', String(NOW), body)}` }),
      'wrong_signature',
    ],
    [
      'the MAC of the body alone',
      native({ signature: `v1,${Buffer.from(legacyHex(), 'hex').toString('base64')}` }),
      'wrong_signature',
    ],
    ['a mac of zeros', native({ signature: `v1,${Buffer.alloc(32).toString('base64')}` }), 'wrong_signature'],
    ['nothing at all', [], 'unsigned'],
    ['a name without a value', ['webhook-id'], 'unsigned'],
  ])('judges %s', (_, headers, expected) => {
    expect(judged(headers)).toBe(expected);
  });

  it.each([
    ['an empty body', Buffer.alloc(0)],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ['text in many scripts', Buffer.from('{"s":"Zoë Ω 漢字 🚀\\u0000"}')],
    ['a byte order mark', Buffer.from('\ufeff{}')],
    ['the largest body', Buffer.alloc(262_144, 0x20)],
  ])('signs %s as bytes', (_, bytes) => {
    expect(judged(native({ bytes }), signer, bytes)).toBe(NATIVE);
    expect(judged(native({ bytes }), signer, Buffer.concat([bytes, Buffer.from([0x20])]))).toBe('wrong_signature');
  });

  it('takes any live secret, and only of this agent', () => {
    const old = secretOf('old');
    const other = secretOf('other');
    const signedBy = (of: LiveSecret) => native({ signature: `v1,${nativeMac(of, 'msg_1', String(NOW), body)}` });
    const rotating: Signer = { secrets: [secret, old], legacyAllowed: false };
    const verdict = verifyCallback({ headers: signedBy(old), body }, rotating, NOW);
    expect(verdict).toMatchObject({ kind: 'accepted', secretId: 'old', senderId: 'msg_1' });
    expect(judged(signedBy(secret), rotating)).toBe(NATIVE);
    expect(judged(signedBy(other), rotating)).toBe('wrong_signature');
  });

  it('knows nobody without a secret, not even by the key that stands in for one', () => {
    const dummy: LiveSecret = { id: 'x', shown: `whsec_${Buffer.alloc(32, 0x5a).toString('base64')}`, imported: false };
    const headers = native({ signature: `v1,${nativeMac(dummy, 'msg_1', String(NOW), body)}` });
    expect(judged(headers, { secrets: [], legacyAllowed: true })).toBe('no_secret');
    expect(judged(native(), { secrets: [], legacyAllowed: true })).toBe('no_secret');
  });

  it('does not take an imported secret', () => {
    expect(judged(native(), { secrets: [{ ...secret, imported: true }], legacyAllowed: true })).toBe('no_secret');
  });

  it('cannot be read in two ways: id, time and body have one border each', () => {
    const shifted = native({ id: 'a', signature: `v1,${nativeMac(secret, 'a', String(NOW), Buffer.from('123.{}'))}` });
    expect(judged(shifted, signer, Buffer.from('123.{}'))).toBe(NATIVE);
    const [, , , , , signature = ''] = shifted;
    expect(judged(native({ id: `a.${NOW}`, timestamp: '123', signature }), signer, Buffer.from('{}'))).toBe('bad_id');
  });
});

describe('the compatibility scheme', () => {
  const one = (value: string, name = 'x-webhook-signature') => [name, value];
  it.each([
    ['lower-case digits', one(legacyHex()), LEGACY],
    ['upper-case digits', one(legacyHex().toUpperCase()), LEGACY],
    ['the prefix', one(`sha256=${legacyHex()}`), LEGACY],
    ['the alias', one(`sha256=${legacyHex()}`, 'X-Hub-Signature-256'), LEGACY],
    ['an upper-case prefix', one(`SHA256=${legacyHex()}`), 'no_usable_signature'],
    ['another prefix', one(`sha1=${legacyHex()}`), 'no_usable_signature'],
    ['63 digits', one(legacyHex().slice(1)), 'no_usable_signature'],
    ['65 digits', one(`${legacyHex()}0`), 'no_usable_signature'],
    ['a digit that is none', one(`g${legacyHex().slice(1)}`), 'no_usable_signature'],
    ['a character that is no ASCII', one(`é${legacyHex().slice(1)}`), 'no_usable_signature'],
    ['base64', one(Buffer.from(legacyHex(), 'hex').toString('base64')), 'no_usable_signature'],
    ['blanks around it', one(` ${legacyHex()} `), 'no_usable_signature'],
    ['nothing', one(''), 'no_usable_signature'],
    ['both names', [...one(legacyHex()), ...one(legacyHex(), 'x-hub-signature-256')], 'repeated_header'],
    ['one name twice', [...one(legacyHex()), ...one(legacyHex())], 'repeated_header'],
    ['another body', one(legacyHex(Buffer.from('{}'))), 'wrong_signature'],
    ['another secret', one(legacyHex(body, secretOf('b'))), 'wrong_signature'],
  ])('judges %s', (_, headers, expected) => {
    expect(judged(headers, withLegacy)).toBe(expected);
  });

  it('takes an imported secret, by the characters as shown', () => {
    const imported: LiveSecret = { id: 'i', shown: 'an-old-secret-of-24-chars!', imported: true };
    expect(judged(one(legacyHex(body, imported)), { secrets: [imported], legacyAllowed: true })).toBe(LEGACY);
  });
});

describe('IN-8: nobody is talked down to the weaker scheme', () => {
  const nativeBad = native({ signature: `v1,${flipped}` });
  const legacyGood = ['x-webhook-signature', legacyHex()];
  const requests = {
    'native good': native(),
    'native bad, legacy good': [...nativeBad, ...legacyGood],
    'legacy only': legacyGood,
    'both good': [...native(), ...legacyGood],
    'one native header, legacy good': ['webhook-id', 'msg_1', ...legacyGood],
  };
  const expected: Readonly<Record<keyof typeof requests, readonly [allowed: boolean, forbidden: boolean]>> = {
    'native good': [true, true],
    'native bad, legacy good': [false, false],
    'legacy only': [true, false],
    'both good': [true, true],
    'one native header, legacy good': [false, false],
  };
  const names = Object.keys(requests) as (keyof typeof requests)[];
  it.each(
    names.flatMap((name) => [true, false].flatMap((legacy) => [true, false].map((own) => ({ name, legacy, own })))),
  )('$name, legacy allowed: $legacy, own agent: $own', ({ name, legacy, own }) => {
    const secrets = own ? [secret] : [secretOf('other')];
    const verdict = verifyCallback({ headers: requests[name], body }, { secrets, legacyAllowed: legacy }, NOW);
    expect(verdict.kind === 'accepted').toBe(own && expected[name][legacy ? 0 : 1]);
  });
});

describe('the key of a delivery', () => {
  it('is the id of a native one whatever its time and body, and the MAC of the other kind, never the same', () => {
    const keyFor = (headers: readonly string[], bytes = body) => {
      const verdict = verifyCallback({ headers, body: bytes }, withLegacy, NOW);
      if (verdict.kind !== 'accepted') throw new Error(verdict.reason);
      return verdict.deliveryKey;
    };
    const first = keyFor(native());
    expect(first).toBe(createHash('sha256').update('native\0msg_1').digest('hex'));
    expect(keyFor(native({ timestamp: String(NOW + 9), bytes: Buffer.from('{}') }), Buffer.from('{}'))).toBe(first);
    const hex = legacyHex();
    const upper = keyFor(['x-webhook-signature', hex.toUpperCase()]);
    expect(upper).toBe(keyFor(['x-hub-signature-256', `sha256=${hex}`]));
    expect(upper).not.toBe(keyFor(native({ id: hex })));
  });
});

describe('random requests', () => {
  const anyId = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
  const anyBody = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const skew = fc.integer({ min: -300, max: 300 });

  it('of the standard are accepted, and what is accepted the reference library accepts too', () => {
    fc.assert(
      fc.property(anyId, fc.string({ unit: 'grapheme', maxLength: 100 }), (id, text) => {
        const bytes = Buffer.from(JSON.stringify({ text }));
        const now = Math.floor(Date.now() / 1_000);
        const headers = native({ id, timestamp: String(now), bytes });
        expect(verifyCallback({ headers, body: bytes }, signer, now).kind).toBe('accepted');
        const object = Object.fromEntries([0, 2, 4].map((at) => [headers[at] ?? '', headers[at + 1] ?? '']));
        expect(new Webhook(secret.shown).verify(bytes.toString(), object)).toEqual({ text });
        expect(new Webhook(secret.shown).sign(id, new Date(now * 1_000), bytes.toString())).toBe(headers[5]);
      }),
      { numRuns: Math.min(RUNS, 1_000) },
    );
  });

  it('IN-3: that were changed anywhere are never accepted, and never throw', () => {
    const mutation = fc.record({
      part: fc.constantFrom('id', 'timestamp', 'signature', 'body', 'name'),
      at: fc.nat(),
      how: fc.constantFrom('flip', 'cut', 'insert', 'double'),
      with: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(
        anyId,
        skew,
        anyBody,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (id, seconds, bytes, all) => {
          const headers = native({ id, timestamp: String(NOW + seconds), bytes });
          const changed = [...headers];
          let changedBody: Buffer = bytes;
          for (const each of all) {
            const slot = { id: 1, timestamp: 3, signature: 5, name: 0, body: -1 }[each.part];
            if (slot === -1) changedBody = mutated(changedBody, each);
            else changed[slot] = mutated(Buffer.from(changed[slot] ?? '', 'latin1'), each).toString('latin1');
          }
          const same = changedBody.equals(bytes) && changed.every((text, at) => text === headers[at]);
          const verdict = verifyCallback({ headers: changed, body: changedBody }, signer, NOW);
          const stillTheSame =
            changedBody.equals(bytes) &&
            [1, 3].every((at) => changed[at] === headers[at]) &&
            sameButForExtras(changed, headers);
          expect(verdict.kind === 'accepted' && !same && !stillTheSame).toBe(false);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

/** A changed case of a header's name, or an unusable entry beside the good one, leaves the request valid. */
function sameButForExtras(changed: readonly string[], headers: readonly string[]): boolean {
  const entries = (changed[5] ?? '').split(' ');
  return (changed[0] ?? '').toLowerCase() === headers[0] && entries.includes(headers[5] ?? '');
}

function mutated(bytes: Buffer, { at, how, with: byte }: { at: number; how: string; with: number }): Buffer {
  const index = bytes.length === 0 ? 0 : at % bytes.length;
  const before = bytes.subarray(0, index);
  switch (how) {
    case 'cut':
      return Buffer.concat([before, bytes.subarray(index + 1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(index)]);
    case 'double':
      return Buffer.concat([bytes, bytes]);
    default:
      return Buffer.concat([
        before,
        Buffer.from([(bytes[index] ?? 0) ^ (byte === 0 ? 1 : byte)]),
        bytes.subarray(index + 1),
      ]);
  }
}

function list(last: string, others: number): string {
  return [...Array.from({ length: others }, () => `v1,${flipped}`), last].join(' ');
}

function nextDigit(digit: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet.charAt(alphabet.indexOf(digit) + 1);
}
