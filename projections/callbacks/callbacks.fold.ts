import type { CallbackAccepted, CallbackEvent, CallbackSecretEvent } from '../../src/callbacks/callbacks.events.js';
import type { Stored } from '../engine/projection.js';

export type CallbacksEvent = CallbackEvent | CallbackSecretEvent;

/** An acceptance and what came of it; one of the two may lie in another batch. */
export interface CallbackRow {
  readonly stream: string;
  /** Of the acceptance: the compatibility scheme may be accepted again a day later, in the same stream. */
  readonly revision: bigint;
  accepted?: {
    readonly data: CallbackAccepted['data'];
    readonly workspaceId: number;
    readonly at: string;
    readonly position: bigint;
  };
  concluded?: { readonly at: string; readonly taskStatus: string | null; readonly overruled: string | null };
}

export interface SecretUse {
  readonly agentId: number;
  readonly secretId: number;
  count: number;
  lastAt: string;
}

export interface SecretRow {
  readonly agentId: number;
  readonly secretId: number;
  issuedAt?: string;
  /** When it ends; null in the row: not before another one takes its place. */
  validUntil?: string;
  endedAt?: string;
}

export interface CallbacksChanges {
  readonly callbacks: ReadonlyMap<string, CallbackRow>;
  readonly uses: ReadonlyMap<string, SecretUse>;
  /** In the order of the log: an issue ends those of the agent before it. */
  readonly secrets: readonly Stored<CallbackSecretEvent>[];
}

export function foldCallbacks(events: readonly Stored<CallbacksEvent>[]): CallbacksChanges {
  const callbacks = new Map<string, CallbackRow>();
  const uses = new Map<string, SecretUse>();
  const secrets: Stored<CallbackSecretEvent>[] = [];
  for (const event of events) {
    const at = event.metadata.recordedAt;
    switch (event.type) {
      case 'CallbackAccepted': {
        const { workspaceId } = event.metadata;
        const row = rowOf(callbacks, event.stream, event.revision);
        row.accepted = { data: event.data, workspaceId, at, position: event.position.commit };
        countUse(uses, event.data, at);
        break;
      }
      case 'CallbackApplied':
      case 'CallbackOverruled': {
        const overruled = event.type === 'CallbackOverruled' ? event.data.reason : null;
        const row = rowOf(callbacks, event.stream, event.revision - 1n);
        row.concluded = { at, taskStatus: event.data.taskStatus, overruled };
        break;
      }
      default:
        secrets.push(event);
    }
  }
  return { callbacks, uses, secrets };
}

function rowOf(rows: Map<string, CallbackRow>, stream: string, revision: bigint): CallbackRow {
  const key = `${stream} ${revision}`;
  const row = rows.get(key) ?? { stream, revision };
  rows.set(key, row);
  return row;
}

function countUse(uses: Map<string, SecretUse>, { agentId, secretId }: CallbackAccepted['data'], at: string): void {
  const key = `${agentId} ${secretId}`;
  const use = uses.get(key) ?? { agentId, secretId, count: 0, lastAt: at };
  use.count += 1;
  if (use.lastAt < at) use.lastAt = at;
  uses.set(key, use);
}
