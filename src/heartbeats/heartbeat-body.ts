import { agentStatuses, type AgentStatus } from '../agents/agents.events.js';
import { invalid } from '../platform/http/errors.js';

/** A beat as the wire brings it. Checked by hand: it is the hottest route, and most of its faults do not refuse it. */
export interface HeartbeatBody {
  readonly connectionId: string | undefined;
  readonly ack: readonly number[];
  readonly status: AgentStatus | undefined;
  readonly statusError: string | undefined;
  readonly lastActivity: string | undefined;
  readonly tokenUsage: unknown;
}

const reportable: readonly string[] = agentStatuses.filter((status) => status !== 'offline');
const MAX_ACTIVITY = 500;
const MAX_ACK = 100;

/** Errors: 400 for a body, `connection_id`, `ack` or `last_activity` of the wrong shape. */
export function parseHeartbeat(body: unknown): HeartbeatBody {
  const fields = asObject(body === undefined ? {} : body);
  const details: string[] = [];
  const { connection_id: connectionId, ack, status, last_activity: lastActivity, token_usage: tokenUsage } = fields;
  if (isGiven(connectionId) && (typeof connectionId !== 'string' || connectionId.length > 100)) {
    details.push('connection_id: must be a string of at most 100 characters');
  }
  if (isGiven(ack) && !isIdList(ack)) details.push(`ack: must be at most ${MAX_ACK} positive integers`);
  if (isGiven(lastActivity) && typeof lastActivity !== 'string') details.push('last_activity: must be a string');
  if (details.length > 0) throw invalid(details);
  const known = typeof status === 'string' && reportable.includes(status);
  return {
    connectionId: typeof connectionId === 'string' ? connectionId : undefined,
    ack: isIdList(ack) ? ack : [],
    status: known ? (status as AgentStatus) : undefined,
    statusError: !isGiven(status) || known ? undefined : `must be one of ${reportable.join(', ')}`,
    lastActivity: typeof lastActivity === 'string' ? cut(lastActivity) : undefined,
    tokenUsage: isGiven(tokenUsage) ? tokenUsage : undefined,
  };
}

function asObject(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid(['body: must be an object']);
  return body as Record<string, unknown>;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isIdList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_ACK && value.every((id) => Number.isSafeInteger(id) && id > 0);
}

/** At most 500 characters, never half of a surrogate pair. */
function cut(text: string): string {
  if (text.length <= MAX_ACTIVITY) return text;
  return text.slice(0, MAX_ACTIVITY).replace(/[\ud800-\udbff]$/, '');
}
