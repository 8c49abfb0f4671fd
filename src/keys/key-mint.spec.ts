import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isKeyShaped } from '../platform/auth/key-format.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { ConfigError } from '../platform/config/config.error.js';
import type { IssuedKey } from './issued-key.js';
import { KeyMint } from './key-mint.js';
import { assertMasterKeys } from './master-keys-in-use.js';

const master = (id: string, fill: number) => ({ id, value: Buffer.alloc(32, fill) });
const [older, newer] = [master('older', 1), master('newer', 2)];

const context = (commandId: string, keyed = true): CommandContext => ({
  commandId,
  keyed,
  workspaceId: 1,
  correlationId: 'c',
  actor: { kind: 'key', id: 'k', name: 'k' },
  receivedAt: new Date('2026-01-01T00:00:00.000Z'),
});

describe('a new key', () => {
  it('has the shape and the checksum of a key, and is another one for every command', () => {
    const mint = new KeyMint([newer]);
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.boolean(), fc.constantFrom('mca_', 'mck_'), (one, other, keyed, prefix) => {
        const first = mint.mint(context(one, keyed), prefix);
        const second = mint.mint(context(other, keyed), prefix);
        expect(first.key.startsWith(prefix)).toBe(true);
        expect(isKeyShaped(first.key)).toBe(true);
        expect(first.key === second.key).toBe(keyed && one === other);
        expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
        expect(first.masterKeyId).toBe('newer');
      }),
    );
  });

  it('uses every digit about as often as any other', () => {
    const counts = new Map<string, number>();
    const mint = new KeyMint([newer]);
    for (let at = 0; at < 4_000; at += 1) {
      for (const digit of mint.mint(context(`command ${at}`), 'mck_').key.slice(4, 34)) {
        counts.set(digit, (counts.get(digit) ?? 0) + 1);
      }
    }
    const expected = (4_000 * 30) / 62;
    expect(counts.size).toBe(62);
    for (const count of counts.values()) expect(Math.abs(count - expected) / expected).toBeLessThan(0.15);
  });

  it('of a keyed command is found again, also when a newer master key was put before', () => {
    const minted = new KeyMint([older]).mint(context('one'), 'mck_');
    const mint = new KeyMint([newer, older]);
    expect(mint.mintedBefore(context('one'), 'mck_', minted.hash)).toBe(minted.key);
    expect(mint.mintedBefore(context('two'), 'mck_', minted.hash)).toBeUndefined();
    expect(mint.mintedBefore(context('one'), 'mca_', minted.hash)).toBeUndefined();
    expect(mint.mintedBefore({ ...context('one'), workspaceId: 2 }, 'mck_', minted.hash)).toBeUndefined();
    expect(new KeyMint([newer]).mintedBefore(context('one'), 'mck_', minted.hash)).toBeUndefined();
  });

  it('of a command without a key is never found again', () => {
    const mint = new KeyMint([newer]);
    const unkeyed = context('one', false);
    expect(mint.mintedBefore(unkeyed, 'mck_', mint.mint(unkeyed, 'mck_').hash)).toBeUndefined();
  });
});

describe('a start with too few master keys', () => {
  const now = new Date('2026-01-01T00:00:00.000Z');
  const issued = (masterKeyId: string, more: Partial<IssuedKey> = {}): IssuedKey => ({
    keyId: 1,
    kind: 'workspace',
    workspaceId: 1,
    agentId: null,
    agentName: null,
    name: 'x',
    prefix: 'mck_0000',
    hash: 'f'.repeat(64),
    masterKeyId,
    role: 'viewer',
    scopes: [],
    expiresAt: null,
    issuedAt: now,
    issuedBy: 'x',
    revokedAt: null,
    ...more,
  });

  it('names those that keys still need, and how many', () => {
    const keys = [issued('older'), issued('older'), issued('newer'), issued('oldest')];
    expect(() => assertMasterKeys(keys, [newer], now)).toThrow(ConfigError);
    expect(() => assertMasterKeys(keys, [newer], now)).toThrow(
      /older is missing, and 2 .*\n?.*oldest is missing, and 1 /s,
    );
  });

  it('is none when only revoked and expired keys need them', () => {
    const ended = [issued('older', { revokedAt: now }), issued('older', { expiresAt: now }), issued('newer')];
    expect(() => assertMasterKeys(ended, [newer], now)).not.toThrow();
  });
});
