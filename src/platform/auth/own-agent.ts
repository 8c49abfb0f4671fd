import { Refusal } from '../http/errors.js';
import type { Principal } from './principal.js';

const OWN_AGENT_ONLY = 'Access denied: agent key may only access its own agent.';

/** An agent key reaches its own agent and nothing else. Asked before existence is looked at, so it reveals nothing. */
export function requireOwnAgent(principal: Principal, agentId: number | undefined): void {
  if (principal.agentId !== undefined && principal.agentId !== agentId) throw new Refusal(403, OWN_AGENT_ONLY);
}
