import { checkName } from '../agents/agent.names.js';
import { badRequest, invalid } from '../platform/http/errors.js';
import { notJson } from '../platform/http/json-guard.js';

interface ById {
  readonly kind: 'ids';
  readonly ids: readonly number[];
}

/** What `PUT` and `DELETE` are about: some notifications by id, or one recipient's. */
export type ReadSelection = ById | { readonly kind: 'recipient'; readonly recipient: string };
export type RemovalSelection = ById | { readonly kind: 'recipient'; readonly recipient: string; readonly before: Date };

const MAX_IDS = 500;
const MAX_SECONDS = 4_102_444_800;
const MISSING = { recipient: 'Recipient is required', agent: 'Agent is required' };

/** A recipient as the caller names it. Errors: 400. */
export function recipientOf(value: unknown, field: 'recipient' | 'agent' = 'recipient'): string {
  if (value === undefined || value === null || value === '') throw badRequest(MISSING[field]);
  if (typeof value !== 'string') throw invalid([`${field}: must be a string`]);
  const name = value.normalize('NFC');
  if (Array.from(name).length > 100) throw invalid([`${field}: must be at most 100 characters`]);
  return name;
}

/** `{ids}` or `{recipient, markAllRead: true}`. Errors: 400. */
export function readSelection(body: unknown): ReadSelection {
  const fields = objectOf(body);
  if (isGiven(fields['ids'])) return { kind: 'ids', ids: idsOf(fields['ids']) };
  if (fields['markAllRead'] !== true) throw invalid(['ids: must be a list, or markAllRead must be true']);
  return { kind: 'recipient', recipient: recipientOf(fields['recipient']) };
}

/** `{action: "mark-delivered", agent}`. Errors: 400. */
export function deliveryRecipient(body: unknown): string {
  const { action, agent } = objectOf(body);
  if (action !== 'mark-delivered') throw invalid(['action: must be mark-delivered']);
  const name = recipientOf(agent, 'agent');
  const checked = checkName(name);
  if (checked.kind === 'invalid') throw invalid([`agent: ${checked.reason}`]);
  return name;
}

/** `{ids}` or `{recipient, olderThan}`, unix seconds. Errors: 400. */
export function removalSelection(body: unknown): RemovalSelection {
  const fields = objectOf(body);
  if (isGiven(fields['ids'])) return { kind: 'ids', ids: idsOf(fields['ids']) };
  const { olderThan } = fields;
  if (!Number.isSafeInteger(olderThan) || Number(olderThan) < 0 || Number(olderThan) > MAX_SECONDS) {
    throw invalid([`olderThan: must be unix seconds from 0 to ${MAX_SECONDS}, or ids must be a list`]);
  }
  return {
    kind: 'recipient',
    recipient: recipientOf(fields['recipient']),
    before: new Date(Number(olderThan) * 1_000),
  };
}

function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined) throw notJson();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid(['body: must be an object']);
  return body as Readonly<Record<string, unknown>>;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function idsOf(value: unknown): readonly number[] {
  const isList = Array.isArray(value) && value.length >= 1 && value.length <= MAX_IDS;
  if (isList && value.every((id) => Number.isSafeInteger(id) && id > 0)) return value as readonly number[];
  throw invalid([`ids: must be 1 to ${MAX_IDS} positive integers`]);
}
