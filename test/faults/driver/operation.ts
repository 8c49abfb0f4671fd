import type { Random } from '../random.js';

export const kinds = ['connect', 'beat', 'tokens', 'bulk', 'disconnect'] as const;
export type Kind = (typeof kinds)[number];

/** One report as the harness sent it. */
export interface UsageLine {
  readonly eventId: string;
  readonly model: string;
  readonly sessionId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

/** A numbered operation: what is sent, again and again unchanged, until its outcome is known. */
export interface Operation {
  /** `op-<number>`: the idempotency key, and what the log is searched for. */
  readonly id: string;
  readonly client: number;
  readonly kind: Kind;
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body: unknown;
  readonly usage: readonly UsageLine[];
  /** The connection that it beats for or closes. */
  readonly connectionId?: string;
}

const models = ['claude-opus-4', 'gpt-5', 'local/llama'];

export const agentName = (client: number): string => `pilot-${client}`;

export function connect(id: string, client: number): Operation {
  return {
    id,
    client,
    kind: 'connect',
    method: 'POST',
    path: '/api/connect',
    usage: [],
    body: { tool_name: id, agent_name: agentName(client) },
  };
}

export function beat(id: string, client: number, connectionId: string): Operation {
  const path = `/api/agents/${agentName(client)}/heartbeat`;
  return {
    id,
    client,
    kind: 'beat',
    method: 'POST',
    path,
    usage: [],
    connectionId,
    body: { connection_id: connectionId, last_activity: id },
  };
}

export function disconnect(id: string, client: number, connectionId: string): Operation {
  return {
    id,
    client,
    kind: 'disconnect',
    method: 'DELETE',
    path: '/api/connect',
    usage: [],
    connectionId,
    body: { connection_id: connectionId },
  };
}

export function tokens(id: string, client: number, random: Random): Operation {
  const line = usageLine(id, client, random);
  return { id, client, kind: 'tokens', method: 'POST', path: '/api/tokens', usage: [line], body: line };
}

/** Every line has an id of its own: a repeat of the call, whole or in part, counts nothing again. */
export function bulk(id: string, client: number, random: Random): Operation {
  const lines = Array.from({ length: random.between(2, 8) }, (_, index) => usageLine(`${id}#${index}`, client, random));
  return { id, client, kind: 'bulk', method: 'POST', path: '/api/tokens', usage: lines, body: lines };
}

function usageLine(eventId: string, client: number, random: Random): UsageLine {
  return {
    eventId,
    model: random.pick(models),
    sessionId: `${agentName(client)}:session-${random.between(1, 3)}`,
    inputTokens: random.magnitude(1, 100_000),
    outputTokens: random.magnitude(1, 10_000),
    cacheReadTokens: random.chance(0.5) ? 0 : random.magnitude(1, 1_000_000),
    cacheWriteTokens: random.chance(0.8) ? 0 : random.magnitude(1, 10_000),
  };
}
