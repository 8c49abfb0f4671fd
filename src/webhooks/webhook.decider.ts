import { isLive, MOST_LIVE_SECRETS, type KnownSecret } from '../callbacks/callback-secrets.decider.js';
import { accepted, refused, type Decider, type Decision } from '../platform/decider/decider.js';
import { sameJson } from '../platform/decider/same-json.js';
import type {
  DeliveryOrder,
  DisabledReason,
  SealedHeader,
  WebhookChanges,
  WebhookEvent,
  WebhookReplayRequested,
} from './webhooks.events.js';

export const webhookStream = (webhookId: number): string => `webhook-${webhookId}`;

/** Instants are ISO 8601. */
export type WebhookCommand = { readonly webhookId: number } & (
  | {
      readonly type: 'Register';
      readonly name: string;
      readonly url: string;
      readonly events: readonly string[];
      readonly order: DeliveryOrder;
      readonly headers: readonly SealedHeader[];
      readonly masterKeyId: string | null;
    }
  | {
      readonly type: 'Update';
      readonly changes: WebhookChanges;
      /** Undefined: stays as it is. `resume` and `skip` enable. */
      readonly set?: 'pause' | 'resume' | 'skip';
      readonly rotation?: {
        readonly masterKeyId: string;
        readonly previousValidUntil: string;
        readonly now: string;
      };
    }
  | { readonly type: 'Disable'; readonly reason: DisabledReason }
  | { readonly type: 'NoteFailing'; readonly since: string }
  | { readonly type: 'NoteRecovered' }
  | ({ readonly type: 'RequestReplay' } & Omit<WebhookReplayRequested['data'], 'name' | 'webhookId'>)
  | { readonly type: 'FinishReplay'; readonly replayId: string }
  | { readonly type: 'Remove' }
);

export type WebhookRefusal = 'NotFound' | 'TooManyLive';

export interface WebhookState {
  readonly kind: 'absent' | 'active' | 'removed';
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly order: DeliveryOrder;
  readonly headers: readonly SealedHeader[];
  readonly enabled: boolean;
  readonly disabledReason: DisabledReason | null;
  readonly secrets: readonly KnownSecret[];
  readonly lastSecretId: number;
  readonly failingSince: string | null;
  /** Replays that are not finished. */
  readonly replays: readonly string[];
  readonly finishedReplays: readonly string[];
}

const absent: WebhookState = {
  kind: 'absent',
  name: '',
  url: '',
  events: [],
  order: 'none',
  headers: [],
  enabled: false,
  disabledReason: null,
  secrets: [],
  lastSecretId: 0,
  failingSince: null,
  replays: [],
  finishedReplays: [],
};

function evolve(state: WebhookState, event: WebhookEvent): WebhookState {
  switch (event.type) {
    case 'WebhookRegistered': {
      const { name, url, events, order, headers, masterKeyId } = event.data;
      const secrets = masterKeyId === null ? [] : [{ secretId: 1, masterKeyId, validUntil: null }];
      const fields = { name, url, events, order, headers, secrets, lastSecretId: secrets.length };
      return { ...absent, ...fields, kind: 'active', enabled: true };
    }
    case 'WebhookChanged':
      return { ...state, ...event.data.changes };
    case 'WebhookSecretRotated': {
      const { secretId, masterKeyId, previousValidUntil } = event.data;
      const before = state.secrets.map((each) => ({ ...each, validUntil: each.validUntil ?? previousValidUntil }));
      return { ...state, lastSecretId: secretId, secrets: [...before, { secretId, masterKeyId, validUntil: null }] };
    }
    case 'WebhookFailing':
      return { ...state, failingSince: event.data.since };
    case 'WebhookRecovered':
      return { ...state, failingSince: null };
    case 'WebhookDisabled':
      return { ...state, enabled: false, disabledReason: event.data.reason };
    case 'WebhookEnabled':
      return { ...state, enabled: true, disabledReason: null, failingSince: null };
    case 'WebhookReplayRequested':
      return { ...state, replays: [...state.replays, event.data.replayId] };
    case 'WebhookReplayFinished': {
      const { replayId } = event.data;
      return {
        ...state,
        replays: state.replays.filter((each) => each !== replayId),
        finishedReplays: [...state.finishedReplays, replayId],
      };
    }
    case 'WebhookRemoved':
      return { ...state, kind: 'removed', enabled: false };
    default:
      return state;
  }
}

function decide(command: WebhookCommand, state: WebhookState): Decision<WebhookEvent, WebhookRefusal> {
  const { webhookId } = command;
  if (command.type === 'Register') {
    if (state.kind !== 'absent') return accepted();
    const { name, url, events, order, headers, masterKeyId } = command;
    const data = { webhookId, name, url, events, order, headers, masterKeyId, bodyVersion: 1 as const };
    return accepted({ type: 'WebhookRegistered', data });
  }
  if (command.type === 'Remove' && state.kind === 'removed') return accepted();
  if (state.kind !== 'active') return refused('NotFound');
  const endpoint = { webhookId, name: state.name };
  switch (command.type) {
    case 'Update':
      return update(command, state);
    case 'Disable':
      return state.enabled
        ? accepted({ type: 'WebhookDisabled', data: { ...endpoint, reason: command.reason } })
        : accepted();
    case 'NoteFailing':
      return state.enabled && state.failingSince === null
        ? accepted({ type: 'WebhookFailing', data: { ...endpoint, since: command.since } })
        : accepted();
    case 'NoteRecovered':
      return state.failingSince === null ? accepted() : accepted({ type: 'WebhookRecovered', data: endpoint });
    case 'RequestReplay': {
      const { replayId, after, until, since, before, types, onlyDead } = command;
      if (state.replays.includes(replayId) || state.finishedReplays.includes(replayId)) return accepted();
      const data = { ...endpoint, replayId, after, until, since, before, types, onlyDead };
      return accepted({ type: 'WebhookReplayRequested', data });
    }
    case 'FinishReplay':
      return state.replays.includes(command.replayId)
        ? accepted({ type: 'WebhookReplayFinished', data: { ...endpoint, replayId: command.replayId } })
        : accepted();
    case 'Remove':
      return accepted({ type: 'WebhookRemoved', data: endpoint });
  }
}

function update(
  { webhookId, changes, set, rotation }: Extract<WebhookCommand, { type: 'Update' }>,
  state: WebhookState,
): Decision<WebhookEvent, WebhookRefusal> {
  const events: WebhookEvent[] = [];
  const real = realChanges(changes, state);
  const name = real.name ?? state.name;
  const enabled = set === undefined ? state.enabled : set !== 'pause';
  if (Object.keys(real).length > 0) {
    events.push({ type: 'WebhookChanged', data: { webhookId, name, enabled: state.enabled, changes: real } });
  }
  if (rotation !== undefined) {
    const { masterKeyId, previousValidUntil, now } = rotation;
    const live = state.secrets.filter((secret) => isLive(secret, now));
    const staying = live.filter(({ validUntil }) => isLive({ validUntil: validUntil ?? previousValidUntil }, now));
    if (staying.length >= MOST_LIVE_SECRETS) return refused('TooManyLive');
    const ends = live.some(({ validUntil }) => validUntil === null) ? previousValidUntil : null;
    const data = { webhookId, name, enabled, secretId: state.lastSecretId + 1, masterKeyId, previousValidUntil: ends };
    events.push({ type: 'WebhookSecretRotated', data });
  }
  if (enabled && !state.enabled) {
    const backlog = set === 'skip' ? 'skip' : 'resume';
    events.push({ type: 'WebhookEnabled', data: { webhookId, name, backlog } });
  }
  if (!enabled && state.enabled) events.push({ type: 'WebhookDisabled', data: { webhookId, name, reason: 'paused' } });
  return accepted(...events);
}

function realChanges({ name, url, events, headers }: WebhookChanges, state: WebhookState): WebhookChanges {
  return {
    ...(name === undefined || name === state.name ? {} : { name }),
    ...(url === undefined || url === state.url ? {} : { url }),
    ...(events === undefined || sameJson(events, state.events) ? {} : { events }),
    ...(headers === undefined || sameJson(headers, state.headers) ? {} : { headers }),
  };
}

export const webhookDecider: Decider<WebhookState, WebhookCommand, WebhookEvent, WebhookRefusal> = {
  initialState: absent,
  decide,
  evolve,
};
