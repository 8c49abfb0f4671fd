import { invalid } from '../platform/http/errors.js';
import type { KeyTerms } from './keyring.commands.js';
import { keyNameOf, type AgentKeyBody, type WorkspaceKeyBody } from './keys.dto.js';

const DAY_MS = 86_400_000;
/** A key that nobody asked to live for ever dies: a forgotten one does no harm then. */
export const DEFAULT_DAYS = 90;
const AGENT_DEFAULT = ['viewer', 'agent:self'] as const;

/** Errors: 400 when both ways to say the end are used. */
export function workspaceTerms(body: WorkspaceKeyBody, now: Date): KeyTerms {
  return { ...shared(body, now), role: body.role, scopes: unique(body.scopes ?? []) };
}

/** The role of an agent's key is what its scopes open; `admin` is no scope. Errors: as above. */
export function agentTerms(body: AgentKeyBody, now: Date): KeyTerms {
  const scopes = unique(body.scopes ?? AGENT_DEFAULT);
  return { ...shared(body, now), role: scopes.includes('operator') ? 'operator' : 'viewer', scopes };
}

export function rotationTerms(now: Date): KeyTerms {
  return { name: 'rotated', role: 'admin', scopes: [], expiresAt: inDays(DEFAULT_DAYS, now) };
}

function shared(body: Pick<AgentKeyBody, 'name' | 'expires_at' | 'expires_in_days'>, now: Date) {
  return { name: keyNameOf(body.name ?? 'default'), expiresAt: expiryOf(body, now) };
}

function expiryOf(
  { expires_at: at, expires_in_days: days }: Pick<AgentKeyBody, 'expires_at' | 'expires_in_days'>,
  now: Date,
): Date | null {
  if (at !== undefined && typeof days === 'number') throw invalid(['expires_in_days: not together with expires_at']);
  if (at === null) return null;
  if (at !== undefined) return new Date(at * 1_000);
  return inDays(days ?? DEFAULT_DAYS, now);
}

function inDays(days: number, now: Date): Date {
  return new Date(now.getTime() + Math.ceil(days * DAY_MS));
}

function unique<T extends string>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
