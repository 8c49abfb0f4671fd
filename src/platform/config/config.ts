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

/** The validated settings of one process. Made once at start; nothing else reads the environment. */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  readonly roles: readonly ProcessRole[];
  readonly environmentKeys: readonly EnvironmentKey[];
  /** What the pepper and signing secrets are derived from: 32 bytes, newest first. */
  readonly secretKeys: readonly { readonly id: string; readonly value: Buffer }[];
  readonly connectionTimeoutSeconds: number;
  readonly agentTimeoutSeconds: number;
  readonly rateLimit: boolean;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'pretty' | 'json';
  readonly trustedProxies: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly production: boolean;
  /** How long raw heartbeats are kept, seconds. */
  readonly heartbeatRetentionSeconds: number;
  readonly streamsPerKey: number;
  readonly streamsPerProcess: number;
}

/** Injection token of {@link Config}. */
export const CONFIG = Symbol('CONFIG');
