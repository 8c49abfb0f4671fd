import type { Api } from './api.js';
import type { Listener } from './listener.js';
import { until } from './until.js';

const ROUNDS = 6;
const names = ['planner', 'builder', 'reviewer', 'tester', 'writer'] as const;
const model = 'claude-sonnet-4';

interface Connection {
  readonly connection_id: string;
  readonly heartbeat_url: string;
  readonly epoch: number;
}

interface DemoAgent {
  readonly name: string;
  readonly session: string;
  connection: Connection;
}

/** What the agents reported, per session: what the totals must show. */
export type Reported = ReadonlyMap<string, { readonly requests: number; readonly tokens: number }>;

type Tell = (who: string, what: string) => void;

/**
 * A handful of agents at work: they connect, beat, report tokens (one report twice), take over a connection and leave,
 * while the listener is cut off twice and comes back after more has happened.
 */
export async function playSession(api: Api, listener: Listener, run: string, tell: Tell): Promise<Reported> {
  await listener.connect();
  tell('listener', `listens from ${listener.start ?? 'nowhere'}`);

  const agents = await Promise.all(names.map((name) => connect(api, run, `demo-${name}`)));
  tell('agents', `${agents.map(({ name }) => name).join(', ')} are connected`);

  const reported = new Map<string, { requests: number; tokens: number }>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const isCutting = round === 2 || round === 4;
    if (isCutting) listener.cutAfter(3);
    await Promise.all(agents.map((agent) => work(api, agent, run, round, reported)));
    tell('agents', `round ${round}: each beat once and reported its tokens`);
    if (isCutting) {
      await until('the listener is cut off', () => listener.isCut);
      tell('listener', `was cut off in the middle of a block, after ${listener.facts.length} facts`);
    }
    if (round === 3) await takeOver(api, agents, tell);
    if (round === 3 || round === 5) {
      await listener.connect();
      tell('listener', `is back, with Last-Event-ID of its last whole block`);
    }
  }
  await repeat(api, agents, run, tell);
  await Promise.all(
    agents.map(({ connection }) => api.call('DELETE', '/api/connect', { connection_id: connection.connection_id })),
  );
  tell('agents', 'all have left');
  return reported;
}

async function connect(api: Api, run: string, name: string): Promise<DemoAgent> {
  const connection = await api.call<Connection>('POST', '/api/connect', {
    tool_name: 'demo',
    tool_version: '1.0.0',
    agent_name: name,
  });
  return { name, session: `${name}:${run}`, connection };
}

async function work(
  api: Api,
  agent: DemoAgent,
  run: string,
  round: number,
  reported: Map<string, { requests: number; tokens: number }>,
): Promise<void> {
  const { connection_id, heartbeat_url } = agent.connection;
  await api.call('POST', heartbeat_url, {
    connection_id,
    status: round % 2 === 0 ? 'idle' : 'busy',
    last_activity: `round ${round}`,
  });
  const usage = usageOf(agent, run, round);
  await api.call('POST', '/api/tokens', usage);
  const sums = reported.get(agent.session) ?? { requests: 0, tokens: 0 };
  reported.set(agent.session, {
    requests: sums.requests + 1,
    tokens: sums.tokens + usage.inputTokens + usage.outputTokens,
  });
}

function usageOf({ name, session }: DemoAgent, run: string, round: number) {
  return {
    eventId: `${run}:${name}:${round}`,
    model,
    sessionId: session,
    inputTokens: 1_000 * round,
    outputTokens: 100 + name.length,
  };
}

/** Another process takes the name of the first agent: the old connection is superseded and may not beat any more. */
async function takeOver(api: Api, agents: DemoAgent[], tell: Tell): Promise<void> {
  const [first] = agents;
  if (first === undefined) return;
  const old = first.connection;
  const { connection } = await connect(api, '', first.name);
  first.connection = connection;
  tell(first.name, `connected again: epoch ${connection.epoch} took over from epoch ${old.epoch}`);
}

async function repeat(api: Api, agents: readonly DemoAgent[], run: string, tell: Tell): Promise<void> {
  const copies = agents.map((agent) => usageOf(agent, run, ROUNDS));
  const answer = await api.call<{ recorded: number; duplicates: number }>('POST', '/api/tokens', copies);
  tell('agents', `sent ${copies.length} reports again: ${answer.recorded} recorded, ${answer.duplicates} duplicates`);
}
