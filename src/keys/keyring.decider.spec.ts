import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { keyringDecider, type KeyringCommand, type KeyringState, type NewKey } from './keyring.decider.js';
import type { KeyIssued, KeyRevoked, KeyringEvent, RevocationReason } from './keys.events.js';

const { given, fold } = deciderSpec(keyringDecider);
const NOW = '2026-01-01T00:00:00.000Z';

const key = (keyId: number, more: Partial<NewKey> = {}): NewKey => ({
  keyId,
  kind: more.agentId === undefined ? 'workspace' : 'agent',
  workspaceId: 1,
  name: 'default',
  prefix: 'mck_0000',
  hash: 'a'.repeat(64),
  masterKeyId: 'first',
  role: 'admin',
  scopes: [],
  expiresAt: null,
  ...more,
});
const ofAgent = (keyId: number, agentId: number) => key(keyId, { agentId, agentName: 'build-bot' });
const issued = (data: KeyIssued['data']): KeyIssued => ({ type: 'KeyIssued', data });
const ended = (of: NewKey, reason: RevocationReason): KeyRevoked => ({
  type: 'KeyRevoked',
  data: {
    keyId: of.keyId,
    kind: of.kind,
    workspaceId: of.workspaceId,
    ...(of.agentId === undefined ? {} : { agentId: of.agentId }),
    name: of.name,
    reason,
  },
});
const revoke = (keyId: number, agentId: number | null = null, workspaceId = 1): KeyringCommand => ({
  type: 'RevokeKey',
  keyId,
  workspaceId,
  agentId,
  now: NOW,
});

describe('issuing', () => {
  it('adds a key, once', () => {
    given()
      .when({ type: 'IssueKey', key: key(1) })
      .thenEvents(issued(key(1)));
    given(issued(key(1)))
      .when({ type: 'IssueKey', key: key(1) })
      .thenNothing();
  });
});

describe('revoking', () => {
  it('ends a key of the workspace, and of an agent when that agent is named', () => {
    given(issued(key(1)))
      .when(revoke(1))
      .thenEvents(ended(key(1), 'revoked'));
    given(issued(ofAgent(2, 7)))
      .when(revoke(2, 7))
      .thenEvents(ended(ofAgent(2, 7), 'revoked'));
  });

  it('has nothing to do for a key that was revoked', () => {
    given(issued(key(1)), ended(key(1), 'revoked'))
      .when(revoke(1))
      .thenNothing();
  });

  it.each<[string, KeyringCommand]>([
    ['unknown', revoke(9)],
    ['of another workspace', revoke(1, null, 2)],
    ['an agent’s, when the workspace’s are meant', revoke(2)],
    ['of another agent', revoke(2, 8)],
    ['expired', revoke(3)],
  ])('refuses a key that is %s', (_, command) => {
    given(issued(key(1)), issued(ofAgent(2, 7)), issued(key(3, { expiresAt: NOW })))
      .when(command)
      .thenRefused('NotActive');
  });

  it('of all keys of an agent leaves everybody else’s alone', () => {
    const [first, second] = [ofAgent(1, 7), ofAgent(2, 7)];
    given(issued(first), issued(ofAgent(3, 8)), issued(key(4)), issued(second), ended(second, 'revoked'))
      .when({ type: 'RevokeAgentKeys', workspaceId: 1, agentId: 7 })
      .thenEvents(ended(first, 'agent_deleted'));
  });
});

describe('rotating', () => {
  const rotate = (keyId: number): KeyringCommand => ({ type: 'RotateKey', key: key(keyId) });

  it('follows the key of the rotation before, and no other', () => {
    given(issued(key(1)))
      .when(rotate(2))
      .thenEvents(issued({ ...key(2), rotates: null }));
    given(issued(key(1)), issued({ ...key(2), rotates: null }))
      .when(rotate(3))
      .thenEvents(issued({ ...key(3), rotates: 2 }), ended(key(2), 'rotated'));
  });

  it('does not revoke a second time what an admin has revoked', () => {
    given(issued({ ...key(2), rotates: null }), ended(key(2), 'revoked'))
      .when(rotate(3))
      .thenEvents(issued({ ...key(3), rotates: 2 }));
  });

  it('of one workspace does not touch another', () => {
    given(issued({ ...key(2, { workspaceId: 2 }), rotates: null }))
      .when(rotate(3))
      .thenEvents(issued({ ...key(3), rotates: null }));
  });
});

describe('always', () => {
  const id = fc.integer({ min: 1, max: 6 });
  const agent = fc.constantFrom(undefined, 7, 8);
  const newKey = fc
    .record({ keyId: id, agentId: agent, workspaceId: fc.constantFrom(1, 2) })
    .map(({ keyId, agentId, workspaceId }) =>
      key(keyId, { workspaceId, ...(agentId === undefined ? {} : { agentId, agentName: 'a' }) }),
    );
  const command: fc.Arbitrary<KeyringCommand> = fc.oneof(
    newKey.map((each): KeyringCommand => ({ type: 'IssueKey', key: each })),
    id.map((keyId): KeyringCommand => ({ type: 'RotateKey', key: key(keyId) })),
    fc.record({ keyId: id, agentId: agent }).map(({ keyId, agentId }) => revoke(keyId, agentId ?? null)),
    fc.constant<KeyringCommand>({ type: 'RevokeAgentKeys', workspaceId: 1, agentId: 7 }),
  );

  it('decides nothing when the goal already holds, and ends a key at most once', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const events: KeyringEvent[] = [];
        let state: KeyringState = keyringDecider.initialState;
        for (const each of commands) {
          const decision = keyringDecider.decide(each, state);
          if (decision.kind === 'refused') continue;
          events.push(...decision.events);
          state = fold(events);
          const again = keyringDecider.decide(each, state);
          expect(again.kind === 'accepted' ? again.events : []).toEqual([]);
        }
        for (const type of ['KeyIssued', 'KeyRevoked']) {
          const ids = events.filter((event) => event.type === type).map(({ data }) => data.keyId);
          expect(new Set(ids).size).toBe(ids.length);
        }
      }),
    );
  });

  it('ignores event types that it does not know', () => {
    const state = fold([issued(key(1))]);
    expect(keyringDecider.evolve(state, { type: 'KeyPolished', data: {} } as unknown as KeyringEvent)).toEqual(state);
  });
});
