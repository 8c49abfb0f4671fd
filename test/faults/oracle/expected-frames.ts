import type { LogEvent } from './stored-log.js';

/** What a listener asked to see; empty lists ask for everything. */
export interface ListenerFilter {
  readonly types: readonly string[];
  readonly agents: readonly string[];
}

const publicNames: Readonly<Record<string, string>> = {
  AgentRegistered: 'agent.created',
  AgentRenamed: 'agent.updated',
  AgentReconfigured: 'agent.updated',
  AgentStatusChanged: 'agent.status_changed',
  AgentRetired: 'agent.deleted',
  ConnectionOpened: 'connection.created',
  ConnectionClosed: 'connection.disconnected',
  TokenUsageReported: 'token.reported',
};

/** The ids of the frames that a listener from the beginning must get, from the log alone. */
export function expectedIds(log: readonly LogEvent[], { types, agents }: ListenerFilter): readonly string[] {
  const generation = generationOf(log);
  const ids: string[] = [];
  for (const event of log) {
    const name = publicNames[event.type];
    if (name === undefined) continue;
    if (types.length > 0 && !types.some((type) => name === type || name.startsWith(`${type}.`))) continue;
    const subject = String(event.data['agentName'] ?? event.data['name']);
    if (agents.length > 0 && !agents.includes(subject)) continue;
    ids.push(`1-${hex16(event.commit)}${hex16(event.prepare)}-${generation}`);
  }
  return ids;
}

function generationOf(log: readonly LogEvent[]): string {
  const first = log.find(({ stream }) => stream === 'log-generation');
  const generation = first?.data['generation'];
  if (typeof generation !== 'string') throw new Error('the log does not say which generation it is');
  return generation;
}

function hex16(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
