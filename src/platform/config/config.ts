import type { Role } from '../auth/principal.js';

export const processRoles = ['api', 'projector', 'reactors'] as const;
export type ProcessRole = (typeof processRoles)[number];

/** An environment key as the process holds it: a keyed hash, never the key. */
export interface EnvironmentKey {
  readonly id: string;
  /** HMAC-SHA-256 of the key under the pepper, hex. */
  readonly hash: string;
  readonly role: Role;
  readonly workspaceId: number;
  readonly name: string;
}

/** What the pepper of API keys and signing secrets are derived from. 32 bytes, never stored in log or database. */
export interface MasterKey {
  readonly id: string;
  readonly value: Buffer;
}

/** The validated settings of one process. Made once at start; nothing else reads the environment. */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  readonly roles: readonly ProcessRole[];
  readonly environmentKeys: readonly EnvironmentKey[];
  /** Newest first, never empty. */
  readonly secretKeys: readonly MasterKey[];
  readonly connectionTimeoutSeconds: number;
  readonly agentTimeoutSeconds: number;
  /** Silence of its holder after which a claimed task goes back to the queue. */
  readonly taskLeaseSeconds: number;
  /** Who gets tasks that are created without an assignee; empty: nobody. */
  readonly coordinatorAgent: string;
  readonly rateLimit: boolean;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'pretty' | 'json';
  /** Addresses and networks whose `x-forwarded-for` counts. */
  readonly trustedProxies: readonly string[];
  /** What a `Host` header may name, without a port, lower case. Loopback names and the own host unless set. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly production: boolean;
  /** How long raw heartbeats are kept, seconds. */
  readonly heartbeatRetentionSeconds: number;
  readonly streamsPerKey: number;
  readonly streamsPerProcess: number;
  /** How many `api` processes share the port. */
  readonly apiWorkers: number;
  /** Which of them this process is, from 1. */
  readonly apiWorker: number;
  /** Price overrides; empty: none. */
  readonly pricesFile: string;
  /** IANA zones that days of cost are kept in; UTC always is. */
  readonly reportingZones: readonly string[];
  /** Targets that webhooks may reach although they are private. */
  readonly webhookAllow: readonly string[];
  /** Most messages a second to one endpoint. */
  readonly webhookRate: number;
  /** Every wait of the retry schedule is so many thousandths of its length: 1,000, but for rehearsals. */
  readonly webhookRetryPermille: number;
}

/** Injection token of {@link Config}. */
export const CONFIG = Symbol('CONFIG');
