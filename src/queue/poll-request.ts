import { checkName } from '../agents/agent.names.js';
import { badRequest, invalid } from '../platform/http/errors.js';
import type { Query } from '../platform/http/list-query.js';
import { MAX_CAPACITY } from './decide-poll.js';

/** What a poll asks for, wherever it says so. */
export interface PollRequest {
  /** Trimmed and normalised. */
  readonly agent: string;
  readonly maxCapacity: number;
}

/** From the query, else from the body, else (only the agent) from `x-agent-name`. Errors: 400. */
export function pollRequest(query: Query, body: unknown, attributedTo: string | undefined): PollRequest {
  const fields = fieldsOf(body);
  return {
    agent: agentOf(query['agent'] ?? fields['agent'] ?? attributedTo),
    maxCapacity: capacityOf(query['max_capacity'], fields['max_capacity']),
  };
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw invalid(['body: must be an object']);
  return body as Readonly<Record<string, unknown>>;
}

function agentOf(given: unknown): string {
  if (given === undefined || given === '') {
    throw badRequest('Missing agent. Provide ?agent=... or x-agent-name header.');
  }
  if (typeof given !== 'string') throw badRequest('Invalid agent. Expected one name.');
  const checked = checkName(given);
  if (checked.kind === 'invalid') throw badRequest(`Invalid agent. The name ${checked.reason}.`);
  return checked.name;
}

function capacityOf(inQuery: Query[string], inBody: unknown): number {
  if (inQuery === undefined && (inBody === undefined || inBody === null)) return 1;
  const digits = typeof inQuery === 'string' && /^\d{1,2}$/.test(inQuery);
  const given = inQuery === undefined ? inBody : digits ? Number(inQuery) : undefined;
  if (typeof given === 'number' && Number.isInteger(given) && given >= 1 && given <= MAX_CAPACITY) return given;
  throw badRequest(`Invalid max_capacity. Expected integer 1..${MAX_CAPACITY}.`);
}
