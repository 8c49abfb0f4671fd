import { eventContract } from '../platform/event-store/event-contract.js';

export type KeyKind = 'workspace' | 'agent';
export type KeyRole = 'viewer' | 'operator' | 'admin';
export type RevocationReason = 'revoked' | 'rotated' | 'agent_deleted';

/**
 * Stream `keyring-all`: every key that the API has issued, over all workspaces, so that a process knows all of them from
 * one stream before it serves. The key itself is nowhere but in the answer to whoever asked for it.
 */
export interface KeyIssued {
  readonly type: 'KeyIssued';
  readonly data: {
    readonly keyId: number;
    readonly kind: KeyKind;
    readonly workspaceId: number;
    /** The only agent that an agent's key reaches, and its name on that day. */
    readonly agentId?: number;
    readonly agentName?: string;
    readonly name: string;
    /** The first eight characters of the key. */
    readonly prefix: string;
    /** HMAC-SHA-256 of the key under the pepper, hex. */
    readonly hash: string;
    /** Which master key the pepper is derived from. */
    readonly masterKeyId: string;
    readonly role: KeyRole;
    readonly scopes: readonly string[];
    /** ISO 8601; null: never. */
    readonly expiresAt: string | null;
    /** Issued by a rotation: the key that it follows, null for the first. */
    readonly rotates?: number | null;
  };
}

export interface KeyRevoked {
  readonly type: 'KeyRevoked';
  readonly data: {
    readonly keyId: number;
    readonly kind: KeyKind;
    readonly workspaceId: number;
    readonly agentId?: number;
    readonly name: string;
    readonly reason: RevocationReason;
  };
}

/** Stream `keyuse-{shard}`: which credentials one process saw in about a minute. Evidence with retention, not a decision. */
export interface KeysUsed {
  readonly type: 'KeysUsed';
  readonly data: { readonly uses: readonly { readonly credentialId: string; readonly at: string }[] };
}

export type KeyringEvent = KeyIssued | KeyRevoked;

const keyId = { type: 'integer', minimum: 1 };
const kind = { enum: ['workspace', 'agent'] };
const workspaceId = { type: 'integer', minimum: 1 };
const agentId = { type: 'integer', minimum: 1 };
const name = { type: 'string', minLength: 1, maxLength: 128 };
const instant = { type: 'string' };

function object(properties: Record<string, object>, optional: readonly string[] = []) {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((field) => !optional.includes(field)),
    additionalProperties: false,
  };
}

export const keyEventContracts = [
  eventContract<KeyIssued>({
    type: 'KeyIssued',
    stream: 'keyring-all',
    description: 'A key was issued: what it may do and until when. Of the key only a keyed hash and eight characters.',
    producer: 'keys',
    frame: 'activity.created',
    schema: object(
      {
        keyId,
        kind,
        workspaceId,
        agentId,
        agentName: { type: 'string', minLength: 1, maxLength: 100 },
        name,
        prefix: { type: 'string', minLength: 8, maxLength: 8 },
        hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        masterKeyId: { type: 'string', minLength: 1, maxLength: 32 },
        role: { enum: ['viewer', 'operator', 'admin'] },
        scopes: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 40 }, maxItems: 20 },
        expiresAt: { type: ['string', 'null'] },
        rotates: { type: ['integer', 'null'], minimum: 1 },
      },
      ['agentId', 'agentName', 'rotates'],
    ),
  }),
  eventContract<KeyRevoked>({
    type: 'KeyRevoked',
    stream: 'keyring-all',
    description: 'A key ended before its time: an admin revoked it, a rotation followed it, or its agent was deleted.',
    producer: 'keys, agents',
    frame: 'activity.created',
    schema: object(
      { keyId, kind, workspaceId, agentId, name, reason: { enum: ['revoked', 'rotated', 'agent_deleted'] } },
      ['agentId'],
    ),
  }),
  eventContract<KeysUsed>({
    type: 'KeysUsed',
    stream: 'keyuse-{shard}',
    description: 'Which credentials one process has seen in about a minute.',
    producer: 'keys',
    retention: 'maxAge',
    schema: object({
      uses: {
        type: 'array',
        maxItems: 2_000,
        items: object({ credentialId: { type: 'string', minLength: 1, maxLength: 64 }, at: instant }),
      },
    }),
  }),
];
