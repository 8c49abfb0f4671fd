import { allFrameMappings } from '../../src/live/frames/all.frames.js';
import type { Api } from './api.js';
import type { Listener } from './listener.js';
import type { Reported } from './session.js';
import { until } from './until.js';

/** One statement that was checked. */
export interface Finding {
  readonly holds: boolean;
  readonly text: string;
}

interface LogLine {
  readonly position: string;
  readonly type: string;
}

interface Stats {
  readonly sessions: Readonly<Record<string, { readonly requestCount: number; readonly totalTokens: number }>>;
}

/** The last line of an export that was not cut off. */
interface EndLine {
  readonly end: boolean;
  readonly count: number;
}

type Log = Pick<Api, 'text'>;
type Totals = Pick<Api, 'call'>;
type Heard = Pick<Listener, 'start' | 'facts' | 'lastEventId' | 'connections' | 'lostBytes'>;

/** Compares what the listener received with the log itself, from the position where it began to listen. */
export async function proveNothingMissed(api: Log, listener: Heard, boundMs = 30_000): Promise<Finding[]> {
  const told = new Set(allFrameMappings.map(({ event }) => event));
  const from = listener.start ?? '';
  const lines = (await api.text('GET', `/api/audit/events?format=ndjson&from=${from}`))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine | EndLine);
  const log = lines.filter((line): line is LogLine => !('end' in line));
  const isWhole = lines.some((line) => 'end' in line && line.end && line.count === log.length);
  const expected = log.filter(({ type }) => told.has(type)).map(({ position }) => position);
  const last = expected.at(-1) ?? from;
  const hasAll = () => (listener.lastEventId ?? '') >= last;
  await until('the listener reaches the end of the log', hasAll, boundMs).catch(() => undefined);
  const received = listener.facts.map(({ id }) => id).filter((id) => id <= last);
  const missing = expected.filter((id) => !received.includes(id));
  const surplus = received.length - new Set(received).size;
  const inOrder = received.every((id, index) => id === expected[index]);
  return [
    {
      holds: isWhole && expected.length > 0 && missing.length === 0 && surplus === 0 && inOrder,
      text:
        `the log holds ${log.length} events since then, ${expected.length} of them facts for listeners; ` +
        `the listener received ${received.length} over ${listener.connections} connections: ` +
        `${missing.length} missing, ${surplus} twice, ${inOrder ? 'in the order of the log' : 'OUT OF ORDER'}`,
    },
    {
      holds: listener.connections === 3,
      text: `the listener was cut off twice; the cuts threw away ${listener.lostBytes} bytes of unfinished blocks`,
    },
  ];
}

/** Compares the totals of the read model with what the agents know that they sent. */
export async function proveTotals(api: Totals, reported: Reported): Promise<Finding> {
  const { sessions } = await api.call<Stats>('GET', '/api/tokens?action=stats&timeframe=all');
  const wrong = [...reported].filter(([session, { requests, tokens }]) => {
    const sums = sessions[session];
    return sums?.requestCount !== requests || sums.totalTokens !== tokens;
  });
  const tokens = [...reported.values()].reduce((sum, each) => sum + each.tokens, 0);
  return {
    holds: reported.size > 0 && wrong.length === 0,
    text: `every report counts once: ${tokens} tokens in ${reported.size} sessions, ${wrong.length} sums off`,
  };
}
