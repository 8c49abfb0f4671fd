import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import type { CallbackSecretEvent } from './callbacks.events.js';

export const callbackSecretsStream = (agentId: number): string => `callbacksecrets-${agentId}`;

export const MOST_LIVE_SECRETS = 5;

/** Instants are ISO 8601. */
export type CallbackSecretCommand = {
  readonly agentId: number;
  readonly agentName: string;
} & (
  | {
      readonly type: 'IssueSecret';
      readonly masterKeyId: string;
      /** When those before it end. */
      readonly previousValidUntil: string;
      readonly now: string;
      /** Null: it is derived, not imported. */
      readonly fingerprint: string | null;
    }
  | { readonly type: 'EndSecret'; readonly secretId: number; readonly now: string }
  | { readonly type: 'AllowLegacy' }
  | { readonly type: 'ForbidLegacy' }
);

export type CallbackSecretRefusal = 'TooManyLive' | 'NotLive' | 'AlreadyLive';

export interface KnownSecret {
  readonly secretId: number;
  readonly masterKeyId: string;
  /** Null: until another one takes its place. */
  readonly validUntil: string | null;
}

export interface CallbackSecret extends KnownSecret {
  readonly fingerprint: string | null;
}

export interface CallbackSecretState {
  readonly secrets: readonly CallbackSecret[];
  readonly lastId: number;
  readonly legacyAllowed: boolean;
}

export function isLive({ validUntil }: Pick<KnownSecret, 'validUntil'>, now: string): boolean {
  return validUntil === null || validUntil > now;
}

function evolve(state: CallbackSecretState, event: CallbackSecretEvent): CallbackSecretState {
  switch (event.type) {
    case 'CallbackSecretIssued': {
      const { secretId, masterKeyId, previousValidUntil, fingerprint } = event.data;
      const before = state.secrets.map((each) => ({ ...each, validUntil: each.validUntil ?? previousValidUntil }));
      return {
        ...state,
        lastId: secretId,
        secrets: [...before, { secretId, masterKeyId, validUntil: null, fingerprint }],
      };
    }
    case 'CallbackSecretEnded':
      return { ...state, secrets: state.secrets.filter(({ secretId }) => secretId !== event.data.secretId) };
    case 'LegacyCallbacksAllowed':
      return { ...state, legacyAllowed: true };
    case 'LegacyCallbacksForbidden':
      return { ...state, legacyAllowed: false };
    default:
      return state;
  }
}

function decide(
  command: CallbackSecretCommand,
  state: CallbackSecretState,
): Decision<CallbackSecretEvent, CallbackSecretRefusal> {
  const { agentId, agentName } = command;
  switch (command.type) {
    case 'IssueSecret': {
      const { masterKeyId, previousValidUntil, now, fingerprint } = command;
      const live = state.secrets.filter((secret) => isLive(secret, now));
      if (fingerprint !== null && live.some((each) => each.fingerprint === fingerprint)) return refused('AlreadyLive');
      const staying = live.filter(({ validUntil }) => isLive({ validUntil: validUntil ?? previousValidUntil }, now));
      if (staying.length >= MOST_LIVE_SECRETS) return refused('TooManyLive');
      return accepted({
        type: 'CallbackSecretIssued',
        data: {
          agentId,
          agentName,
          secretId: state.lastId + 1,
          masterKeyId,
          previousValidUntil: live.some(({ validUntil }) => validUntil === null) ? previousValidUntil : null,
          fingerprint,
        },
      });
    }
    case 'EndSecret': {
      const { secretId, now } = command;
      const known = state.secrets.find((secret) => secret.secretId === secretId);
      if (known === undefined) return secretId <= state.lastId && secretId > 0 ? accepted() : refused('NotLive');
      if (!isLive(known, now)) return refused('NotLive');
      return accepted({ type: 'CallbackSecretEnded', data: { agentId, agentName, secretId } });
    }
    case 'AllowLegacy':
      return state.legacyAllowed
        ? accepted()
        : accepted({ type: 'LegacyCallbacksAllowed', data: { agentId, agentName } });
    case 'ForbidLegacy':
      return state.legacyAllowed
        ? accepted({ type: 'LegacyCallbacksForbidden', data: { agentId, agentName } })
        : accepted();
  }
}

export const callbackSecretsDecider: Decider<
  CallbackSecretState,
  CallbackSecretCommand,
  CallbackSecretEvent,
  CallbackSecretRefusal
> = { initialState: { secrets: [], lastId: 0, legacyAllowed: false }, decide, evolve };
