import { badRequest, Refusal } from '../http/errors.js';
import type { AccessRule } from './access-rule.js';
import { hasRole, type Principal, type Role } from './principal.js';

/** Undefined: may go on. Else the 403 that says which role or scope is missing. */
export function refusedAccess(rule: AccessRule, principal: Principal): Refusal | undefined {
  if (rule.role === 'public') return undefined;
  if (principal.agentId !== undefined) return refusedAgentKey(rule, rule.role, principal);
  if (hasRole(principal, rule.role)) return undefined;
  if (rule.auditor && principal.scopes.includes('auditor')) return undefined;
  return roleTooLow(rule.role);
}

/**
 * The past, `?asOf=`, is for admins and auditors, and only where a route answers from it: as of now is another answer
 * than was asked for.
 */
export function refusedPast(rule: AccessRule, principal: Principal): Refusal | undefined {
  const isAuditor = hasRole(principal, 'admin') || principal.scopes.includes('auditor');
  if (principal.agentId !== undefined || !isAuditor) return roleTooLow('admin');
  return rule.asOf ? undefined : badRequest('Invalid asOf. This route answers as of now only.');
}

function refusedAgentKey(rule: AccessRule, needed: Role, principal: Principal): Refusal | undefined {
  const { scopes } = principal;
  if (needed === 'viewer' && (scopes.includes('viewer') || scopes.includes('operator'))) return undefined;
  if (needed === 'operator' && scopes.includes('operator')) return undefined;
  if (rule.agentScopes.some((scope) => scopes.includes(scope))) return undefined;
  const [scope] = rule.agentScopes;
  return scope === undefined ? roleTooLow(needed) : new Refusal(403, `Requires scope ${scope}`);
}

function roleTooLow(needed: Role): Refusal {
  return new Refusal(403, `Requires ${needed} role or higher`);
}
