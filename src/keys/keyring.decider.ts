import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type { KeyIssued, KeyRevoked, KeyringEvent, RevocationReason } from './keys.events.js';

export const keyringStream = 'keyring-all';

export type NewKey = Omit<KeyIssued['data'], 'rotates'>;

export type KeyringCommand =
  | { readonly type: 'IssueKey'; readonly key: NewKey }
  /** Issues the key and revokes the one that the rotation before issued, as one step. */
  | { readonly type: 'RotateKey'; readonly key: NewKey }
  | {
      readonly type: 'RevokeKey';
      readonly keyId: number;
      /** Whose key it must be; null: a key of the workspace itself. */
      readonly workspaceId: number;
      readonly agentId: number | null;
      /** ISO 8601. */
      readonly now: string;
    }
  | { readonly type: 'RevokeAgentKeys'; readonly workspaceId: number; readonly agentId: number };

type Held = Pick<KeyIssued['data'], 'keyId' | 'kind' | 'workspaceId' | 'agentId' | 'name' | 'expiresAt'> & {
  readonly isRevoked: boolean;
};

/** Keys by id, spread over pages: one change copies a page, not ten thousand keys. */
type Pages = readonly (ReadonlyMap<number, Held> | undefined)[];
const PAGES = 256;

export interface KeyringState {
  readonly pages: Pages;
  /** The key that the last rotation of a workspace issued. */
  readonly rotated: ReadonlyMap<number, number>;
}

function evolve(state: KeyringState, event: KeyringEvent): KeyringState {
  switch (event.type) {
    case 'KeyIssued': {
      const { keyId, kind, workspaceId, agentId, name, expiresAt, rotates } = event.data;
      const held: Held = {
        keyId,
        kind,
        workspaceId,
        ...(agentId === undefined ? {} : { agentId }),
        name,
        expiresAt,
        isRevoked: false,
      };
      return {
        pages: withKey(state.pages, held),
        rotated: rotates === undefined ? state.rotated : new Map(state.rotated).set(workspaceId, keyId),
      };
    }
    case 'KeyRevoked': {
      const held = keyIn(state, event.data.keyId);
      return held === undefined ? state : { ...state, pages: withKey(state.pages, { ...held, isRevoked: true }) };
    }
    default:
      return state;
  }
}

function decide(command: KeyringCommand, state: KeyringState): Decision<KeyringEvent, 'NotActive'> {
  switch (command.type) {
    case 'IssueKey':
      return keyIn(state, command.key.keyId) === undefined
        ? accepted({ type: 'KeyIssued', data: command.key })
        : accepted();
    case 'RotateKey':
      return decideRotation(command.key, state);
    case 'RevokeKey': {
      const held = keyIn(state, command.keyId);
      if (held === undefined || held.workspaceId !== command.workspaceId) return refused('NotActive');
      if ((held.agentId ?? null) !== command.agentId) return refused('NotActive');
      if (held.isRevoked) return accepted();
      if (held.expiresAt !== null && held.expiresAt <= command.now) return refused('NotActive');
      return accepted(revoked(held, 'revoked'));
    }
    case 'RevokeAgentKeys': {
      const own = keysIn(state).filter(
        ({ agentId, workspaceId, isRevoked }) =>
          agentId === command.agentId && workspaceId === command.workspaceId && !isRevoked,
      );
      return accepted(...own.map((held) => revoked(held, 'agent_deleted')));
    }
    default:
      return command;
  }
}

function decideRotation(key: NewKey, state: KeyringState): Decision<KeyringEvent, never> {
  if (keyIn(state, key.keyId) !== undefined) return accepted();
  const last = keyIn(state, state.rotated.get(key.workspaceId) ?? 0);
  const issued: KeyIssued = { type: 'KeyIssued', data: { ...key, rotates: last?.keyId ?? null } };
  return accepted<KeyringEvent>(issued, ...(last === undefined || last.isRevoked ? [] : [revoked(last, 'rotated')]));
}

function revoked({ keyId, kind, workspaceId, agentId, name }: Held, reason: RevocationReason): KeyRevoked {
  return {
    type: 'KeyRevoked',
    data: { keyId, kind, workspaceId, ...(agentId === undefined ? {} : { agentId }), name, reason },
  };
}

function keyIn({ pages }: KeyringState, keyId: number): Held | undefined {
  return pages[keyId % PAGES]?.get(keyId);
}

function keysIn({ pages }: KeyringState): readonly Held[] {
  return pages.flatMap((page) => [...(page?.values() ?? [])]).sort((a, b) => a.keyId - b.keyId);
}

function withKey(pages: Pages, held: Held): Pages {
  const at = held.keyId % PAGES;
  return pages.with(at, new Map(pages[at]).set(held.keyId, held));
}

export const keyringDecider: Decider<KeyringState, KeyringCommand, KeyringEvent, 'NotActive'> = {
  initialState: { pages: Array.from({ length: PAGES }, () => undefined), rotated: new Map() },
  decide,
  evolve,
};
