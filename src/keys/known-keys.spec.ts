import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { AgentRegistered, AgentRenamed, AgentRetired } from '../agents/agents.events.js';
import type { KeyRecord } from '../platform/auth/key-directory.js';
import { Clock } from '../platform/clock/clock.js';
import type { DomainEvent } from '../platform/event-store/stored-event.js';
import { eventIdOf, RandomIds } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { KeyRing, type KeyRingOptions } from './key-ring.js';
import { KeyUses } from './key-uses.js';
import { KnownKeys } from './known-keys.js';
import type { KeyIssued, KeyRevoked } from './keys.events.js';

const NOW = new Date('2026-01-01T00:00:00.000Z');
const hashOf = (keyId: number) => String(keyId).repeat(64).slice(0, 64);
const ENVIRONMENT = { id: 'env-a', hash: 'e'.repeat(64), role: 'admin', workspaceId: 1, name: 'given' } as const;

class SetClock extends Clock {
  at = NOW;
  now(): Date {
    return this.at;
  }
}

const issued = (keyId: number, more: Partial<KeyIssued['data']> = {}): KeyIssued => ({
  type: 'KeyIssued',
  data: {
    keyId,
    kind: more.agentId === undefined ? 'workspace' : 'agent',
    workspaceId: 1,
    name: `key ${keyId}`,
    prefix: 'mck_0000',
    hash: hashOf(keyId),
    masterKeyId: 'first',
    role: 'operator',
    scopes: [],
    expiresAt: null,
    ...more,
  },
});
const revoked = (keyId: number): KeyRevoked => ({
  type: 'KeyRevoked',
  data: { keyId, kind: 'workspace', workspaceId: 1, name: 'x', reason: 'revoked' },
});

let log: ScriptedLog;
let clock: SetClock;
let tail: LogTail;
let ring: KeyRing;
let keys: KnownKeys;
let ended: string[];
let number = 0;

async function write(stream: string, ...events: readonly DomainEvent[]): Promise<void> {
  const proposed = events.map(({ type, data }) => ({
    id: eventIdOf('known-keys', (number += 1)),
    type,
    data,
    metadata: {
      workspaceId: 1,
      correlationId: 'c',
      causationId: 'c',
      actor: { kind: 'system', id: 'test', name: 'test' } as const,
      occurredAt: NOW.toISOString(),
      recordedAt: NOW.toISOString(),
    },
  }));
  await log.append(stream, proposed);
}

const register = (agentId: number, name: string) =>
  write(`agent-${agentId}`, {
    type: 'AgentRegistered',
    data: {
      agentId,
      name,
      status: 'idle',
      source: 'api',
      profile: { role: 'dev', sessionKey: null, soulContent: null, config: {}, runtimeType: null },
    },
  } satisfies AgentRegistered);

async function start(options: KeyRingOptions = {}): Promise<void> {
  tail = new LogTail(log, quietLogger, { proveEveryMs: 10, stalledAfterMs: 50 });
  ring = new KeyRing(log, tail, quietLogger, options);
  const ids = new RandomIds();
  const agents = new AgentDirectory(log, new Numbers({ store: log, clock, ids }), tail);
  keys = new KnownKeys([ENVIRONMENT], {
    ring,
    agents,
    clock,
    uses: new KeyUses({ store: log, clock, ids, logger: quietLogger }),
  });
  keys.onEnded((credentialId) => ended.push(credentialId));
  ring.start();
  tail.start();
  await ring.loaded;
  await eventually('the tail is live', () => tail.isLive(1_000));
}

const find = async (keyId: number, isRead = true) => keys.find(hashOf(keyId), isRead);
const actorOf = (record: KeyRecord | undefined) => record?.principal.actor.name;

/** Holds the tail of the process: whatever is written from now on does not reach it. */
async function stall(): Promise<void> {
  log.gates.beforeBatch = () => new Promise(() => {});
  await write('other-1', { type: 'Anything', data: {} });
  await eventually('the tail is not live', () => !tail.isLive(20));
}

beforeEach(() => {
  log = new ScriptedLog();
  clock = new SetClock();
  ended = [];
});

afterEach(async () => {
  ring.stop();
  await tail.stop();
});

describe('a process that follows the log', () => {
  it('knows what was issued before it started and after, and tells it without asking', async () => {
    await write('keyring-all', issued(1), issued(2), revoked(2));
    await start();
    expect(keys.find(hashOf(1), false)).toMatchObject({
      principal: { credentialId: 'key-1', role: 'operator', workspaceId: 1, actor: { kind: 'key', name: 'key 1' } },
    });
    expect(keys.find(hashOf(2), false)).toBeUndefined();
    expect(keys.find(hashOf(3), false)).toBeUndefined();
    await write('keyring-all', issued(3), revoked(1));
    await eventually('the revocation', () => keys.find(hashOf(1), false) === undefined);
    expect(keys.find(hashOf(3), false)).toBeDefined();
    expect(ended).toContain('key-1');
    const principal = (await find(3))?.principal;
    expect(principal && (await keys.isActive(principal))).toBe(true);
    expect(principal && (await keys.isActive({ ...principal, credentialId: 'key-1' }))).toBe(false);
  });

  it('lets a key go at the moment that it expires', async () => {
    await write(
      'keyring-all',
      issued(1, { expiresAt: '2026-01-01T00:00:10.000Z' }),
      issued(2, { expiresAt: 'never ever' }),
    );
    await start();
    expect(await find(1)).toMatchObject({ principal: { expiresAt: new Date('2026-01-01T00:00:10.000Z') } });
    expect(await find(2)).toBeUndefined();
    clock.at = new Date('2026-01-01T00:00:10.000Z');
    expect(await find(1)).toBeUndefined();
  });

  it('asks once who the agent of a key is, and follows its names and its end', async () => {
    await register(7, 'first');
    await write('agent-7', {
      type: 'AgentRenamed',
      data: { agentId: 7, name: 'second', previousName: 'first' },
    } satisfies AgentRenamed);
    await write(
      'keyring-all',
      issued(1, { agentId: 7, agentName: 'first' }),
      issued(2, { agentId: 8, agentName: 'nobody' }),
    );
    await start();
    expect(await find(1)).toMatchObject({
      agentName: 'second',
      principal: { agentId: 7, actor: { kind: 'agent', id: '7' } },
    });
    expect(keys.find(hashOf(1), false)).not.toBeInstanceOf(Promise);
    expect(await find(2)).toBeUndefined();
    await write('agent-7', {
      type: 'AgentRenamed',
      data: { agentId: 7, name: 'third', previousName: 'second' },
    } satisfies AgentRenamed);
    await eventually('the new name', async () => actorOf(await find(1)) === 'third');
    await write('agent-7', { type: 'AgentRetired', data: { agentId: 7, name: 'third' } } satisfies AgentRetired);
    await eventually('the end', async () => (await find(1)) === undefined);
    expect(ended).toEqual(['key-1']);
  });
});

describe('a process whose tail is not live', () => {
  it('reads the stream of keys for each request: what is new and what was revoked counts at once', async () => {
    await write('keyring-all', issued(1), issued(2));
    await start({ trustMs: 20, readCountsMs: -1 });
    await stall();
    expect(await find(1)).toBeDefined();
    await write('keyring-all', revoked(1), issued(3));
    expect(await find(1)).toBeUndefined();
    expect(await find(3)).toBeDefined();
    expect(await find(9)).toBeUndefined();
    expect(ended).toEqual(['key-1']);
  });

  it('of which the store does not answer goes on reading with known keys, and says 503 to all else', async () => {
    await write('keyring-all', issued(1), issued(2), revoked(2));
    await start({ trustMs: 20, readCountsMs: -1 });
    log.isAway = true;
    await eventually('the tail is not live', () => !tail.isLive(20));
    expect(await find(1)).toBeDefined();
    expect(await find(2)).toBeUndefined();
    await expect(find(1, false)).rejects.toMatchObject({ status: 503 });
    await expect(find(9)).rejects.toMatchObject({ status: 503 });
    expect(keys.find(ENVIRONMENT.hash, false)).toMatchObject({ principal: { credentialId: 'env-a' } });
    log.comeBack();
    expect(await find(1, false)).toBeDefined();
    expect(await find(9)).toBeUndefined();
  });

  it('for longer than a while serves issued keys no more', async () => {
    await write('keyring-all', issued(1));
    await start({ trustMs: 20, readCountsMs: -1, recentMs: 60 });
    log.isAway = true;
    await eventually('the end of trust', () => !ring.wasCurrentRecently());
    await expect(find(1)).rejects.toMatchObject({ status: 503 });
    expect(keys.find(ENVIRONMENT.hash, true)).toBeDefined();
  });

  it('does not pass over what it cannot read: it might be a revocation', async () => {
    await write('keyring-all', issued(1));
    await start({ readCountsMs: -1 });
    const [first] = log.entries;
    if (first === undefined) throw new Error('nothing was written');
    const position = { commit: 1_000n, prepare: 1_000n };
    const { stream, createdAt } = first;
    log.entries.push({
      unreadable: 'unknown-type',
      reason: 'newer',
      type: 'KeyFrozen',
      id: 'x',
      revision: 1n,
      position,
      stream,
      createdAt,
    });
    log.comeBack();
    await eventually('the ring stops', () => !ring.isCurrent());
    await expect(find(1, false)).rejects.toMatchObject({ status: 503 });
  });
});
