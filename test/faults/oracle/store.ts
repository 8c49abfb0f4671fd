import type { Entry } from '../driver/ledger.js';
import { type Finding, finding } from '../finding.js';
import type { LogEvent } from './stored-log.js';

/**
 * The log against the ledger: everything acknowledged is stored, nothing refused is, nothing twice, no hole in a
 * stream's revisions, and the operations of one client lie in the order in which they were done.
 */
export function checkStore(log: readonly LogEvent[], ledger: readonly Entry[]): Finding[] {
  const effects = effectsIn(log);
  return [
    ...checkShape(log),
    ...ledger.flatMap((entry) => checkEntry(entry, effects)),
    ...checkOrder(ledger, effects),
    ...checkNothingElse(ledger, effects),
  ];
}

type Effects = ReadonlyMap<string, readonly LogEvent[]>;

function checkShape(log: readonly LogEvent[]): Finding[] {
  const findings: Finding[] = [];
  const next = new Map<string, bigint>();
  const ids = new Set<string>();
  let last: LogEvent | undefined;
  for (const event of log) {
    const expected = next.get(event.stream) ?? 0n;
    if (event.revision !== expected) {
      findings.push(finding('gap', `${event.stream}: revision ${event.revision} where ${expected} belongs`));
    }
    next.set(event.stream, event.revision + 1n);
    if (ids.has(event.id)) findings.push(finding('duplicated', `event id ${event.id} twice, now in ${event.stream}`));
    ids.add(event.id);
    if (last !== undefined && !isBefore(last, event)) {
      findings.push(finding('gap', `position ${event.commit} after ${last.commit} in the whole log`));
    }
    last = event;
  }
  return findings;
}

/** A beat has no key: every sending of it may be stored once. Everything else counts once, however often it was sent. */
function checkEntry(entry: Entry, effects: Effects): Finding[] {
  const { operation, state, attempts, status } = entry;
  const most = operation.kind === 'beat' ? attempts : 1;
  return keysOf(entry).flatMap((key) => {
    const found = effects.get(key)?.length ?? 0;
    if (state !== 'acked' && state !== 'refused')
      return [finding('unwell', `${key}: no outcome after ${attempts} attempts`)];
    if (state === 'acked' && found === 0) return [finding('lost', `${key}: acknowledged, not stored`)];
    if (found > most) return [finding('duplicated', `${key}: stored ${found} times, sent ${attempts} times`)];
    if (state === 'refused' && attempts === 1 && found > 0) {
      return [finding('duplicated', `${key}: refused with ${status}, and stored`)];
    }
    return checkContent(entry, effects);
  });
}

function checkContent({ operation, connectionId }: Entry, effects: Effects): Finding[] {
  if (operation.kind === 'connect') {
    const stored = effects.get(`connect ${operation.id}`)?.[0]?.data['connectionId'];
    return stored === undefined || connectionId === undefined || stored === connectionId
      ? []
      : [finding('lost', `${operation.id}: answered connection ${connectionId}, stored ${JSON.stringify(stored)}`)];
  }
  return operation.usage.flatMap((line) => {
    const stored = effects.get(`usage ${line.eventId}`)?.[0]?.data;
    const wrong = Object.entries(line).filter(([field, value]) => stored !== undefined && stored[field] !== value);
    return wrong.map(([field]) => finding('lost', `${line.eventId}: ${field} is not what was sent`));
  });
}

function checkOrder(ledger: readonly Entry[], effects: Effects): Finding[] {
  const findings: Finding[] = [];
  const lastOf = new Map<number, LogEvent>();
  for (const entry of ledger) {
    const { id, client } = entry.operation;
    const stored = keysOf(entry).flatMap((key) => effects.get(key)?.[0] ?? []);
    const [first] = stored.sort((a, b) => (isBefore(a, b) ? -1 : 1));
    if (first === undefined) continue;
    const before = lastOf.get(client);
    if (before !== undefined && !isBefore(before, first)) {
      findings.push(finding('gap', `${id} lies before what its client had done before it`));
    }
    lastOf.set(client, first);
  }
  return findings;
}

function checkNothingElse(ledger: readonly Entry[], effects: Effects): Finding[] {
  const known = new Set(ledger.flatMap(keysOf));
  return [...effects.keys()]
    .filter((key) => !known.has(key))
    .map((key) => finding('duplicated', `${key} is stored and was never sent`));
}

/** What an operation must have left in the log, under the names of {@link effectsIn}. */
function keysOf({ operation }: Entry): readonly string[] {
  switch (operation.kind) {
    case 'connect':
      return [`connect ${operation.id}`];
    case 'beat':
      return [`beat ${operation.id}`];
    case 'disconnect':
      return [`disconnect ${operation.connectionId}`];
    case 'tokens':
    case 'bulk':
      return operation.usage.map(({ eventId }) => `usage ${eventId}`);
  }
}

function effectsIn(log: readonly LogEvent[]): Effects {
  const effects = new Map<string, LogEvent[]>();
  for (const event of log) {
    const key = effectOf(event);
    if (key === undefined) continue;
    const found = effects.get(key);
    if (found === undefined) effects.set(key, [event]);
    else found.push(event);
  }
  return effects;
}

function effectOf({ type, data }: LogEvent): string | undefined {
  switch (type) {
    case 'ConnectionOpened':
      return `connect ${String(data['toolName'])}`;
    case 'HeartbeatReceived':
      return `beat ${String(data['lastActivity'])}`;
    case 'TokenUsageReported':
      return `usage ${String(data['eventId'])}`;
    case 'ConnectionClosed':
      return data['reason'] === 'client' ? `disconnect ${String(data['connectionId'])}` : undefined;
    default:
      return undefined;
  }
}

function isBefore(a: LogEvent, b: LogEvent): boolean {
  return a.commit === b.commit ? a.prepare < b.prepare : a.commit < b.commit;
}
