import type { Role } from './principal.js';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a per-agent key may be given. `viewer` and `operator` open the routes of that role; none opens admin routes. */
export const agentScopes = [
  'viewer',
  'operator',
  'agent:self',
  'agent:heartbeat',
  'agent:tokens',
  'agent:tasks',
  'agent:messages',
  'agent:diagnostics',
  'agent:attribution',
] as const;
export type AgentScope = (typeof agentScopes)[number];

/** Which bucket counts a request (HTTP contract, section 3). */
export type LimitClass = 'heartbeat' | 'queue' | 'tokens' | 'command' | 'query' | 'search' | 'unlimited';

/**
 * How the body is read. `json` is parsed whatever Content-Type says; `json-or-ndjson` hands `application/x-ndjson` on as
 * a Buffer; `raw` hands every body on as a Buffer, for signatures over the bytes as received; `otlp` is JSON, and the
 * binary encoding that exporters prefer is refused by its name.
 */
export type BodyKind = 'json' | 'json-or-ndjson' | 'raw' | 'otlp';

/** Everything the edge, the guard, the OpenAPI document and the tests know about one method of one route. */
export interface AccessRule {
  readonly method: HttpMethod;
  /** As the contract writes it: `/api/agents/{id}/heartbeat`. */
  readonly path: string;
  readonly role: Role | 'public';
  /** Any one of these lets an agent key in, for its own agent, instead of the role. */
  readonly agentScopes: readonly AgentScope[];
  /** The scope `auditor` lets a key in that is not admin. */
  readonly auditor: boolean;
  /** Takes `?asOf=`; a GET that does not refuses it. */
  readonly asOf: boolean;
  /** Public for exactly this `?action=`, guarded otherwise. */
  readonly publicAction?: string;
  /** A single-use ticket in the query may stand for the key. */
  readonly ticket: boolean;
  readonly limit: LimitClass;
  /** What counts instead of {@link limit} for a `?action=`. */
  readonly limitByAction?: Readonly<Record<string, LimitClass>>;
  /** Bytes. */
  readonly bodyLimit: number;
  readonly body: BodyKind;
  /** False: HEAD is 405, because a GET here takes work or opens a stream. */
  readonly head: boolean;
}
