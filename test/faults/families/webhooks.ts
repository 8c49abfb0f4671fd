import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import { type Finding, finding } from '../finding.js';
import { kill, type Victim } from '../injectors/kill.js';
import { FailingReceiver } from '../oracle/failing-receiver.js';
import { readLog } from '../oracle/stored-log.js';
import type { FamilyResult } from '../report/line.js';
import { adminKey, SystemUnderTest } from '../system/system.js';
import type { FamilyOptions } from './family.js';

const RECORDS_A_REQUEST = 20;
const ANSWER_BOUND_MS = 60_000;
const DELIVERED_BOUND_MS = 300_000;
/** A part must have served so long that its death is an accident to the supervisor, not a broken program. */
const LEAST_SERVICE_MS = 2_100;
/** What an endpoint may have in flight, or answered and unwritten, when a kill comes. */
const WINDOW = 32;
/** The dispatcher lives in the projector's process. */
const victims: readonly Victim[] = ['projector', 'projector', 'projector', 'api', 'event store', 'everything'];
const orders = ['none', 'strict'] as const;

/** Waits of retries become thousandths: 5 s become 5 ms. */
const settings = { MC_WEBHOOK_ALLOW: '127.0.0.1', MC_WEBHOOK_RATE: '10000', MC_WEBHOOK_RETRY_PERMILLE: '1' };

interface Balance {
  readonly webhook_id: number;
  readonly matching: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly error: number;
  readonly waiting_behind: number;
}

/**
 * Facts are reported, each report repeated until it is answered, to an endpoint without order and one in strict order
 * that fail three calls in ten, while the dispatcher, the api, the event store or everything is killed among them.
 */
export async function webhooksFamily(options: FamilyOptions): Promise<FamilyResult> {
  const { programDir, rounds, facts, say } = options;
  const random = options.random.fork('webhooks');
  const receiver = await FailingReceiver.start(random.fork('receiver'));
  const system = await SystemUnderTest.start(programDir, { settings });
  const work = new Work(system, `webhooks-${options.random.seed}`);
  const findings: Finding[] = [];
  let round = 0;
  try {
    const endpoints = new Map<string, number>();
    for (const order of orders) endpoints.set(order, await work.register(receiver.urlOf(order), order));
    const open = () => orders.reduce((sum, order) => sum + work.asked - receiver.toldAt(order).taken.size, 0);
    while (round < rounds) {
      round += 1;
      await pause(LEAST_SERVICE_MS);
      const upTo = Math.floor((facts * round) / rounds);
      const reporting = work.report(upTo);
      await pause(random.between(0, 400));
      const victim = random.pick(victims);
      const missing = open();
      const { healedMs } = await kill(victim, system, () => open() + work.inFlight);
      await reporting;
      const calls = receiver.calls;
      const isBack = () => Promise.resolve(receiver.calls > calls || open() === 0);
      await eventually('the dispatcher to be at work again', isBack, ANSWER_BOUND_MS);
      const told = `${victim} killed with ${missing} messages open, healed in ${Math.round(healedMs)} ms`;
      say(`webhooks ${round}/${rounds}: ${told}`);
    }
    const isComplete = () => orders.every((order) => receiver.toldAt(order).taken.size >= facts);
    await eventually('every message', () => Promise.resolve(isComplete()), DELIVERED_BOUND_MS).catch(() => undefined);
    for (const [order, id] of endpoints) findings.push(...(await checkBalance(work, order, id, facts)));
    const log = await readLog(system.eventStoreUrl);
    const ids = log.filter(({ type }) => type === 'TokenUsageReported').map(({ id }) => id);
    if (ids.length !== facts) findings.push(finding('lost', `the log holds ${ids.length} facts instead of ${facts}`));
    for (const order of orders) findings.push(...checkTold(receiver, order, ids, rounds));
    for (const { word, what } of findings.slice(0, 20)) say(`  ${word}: ${what}`);
    const repeats = orders.map((order) => `${receiver.toldAt(order).repeats} in ${order}`).join(', ');
    const failures = orders.reduce((sum, order) => sum + receiver.toldAt(order).failures, 0);
    const remarks = [`${failures} calls failed by the receivers`, `taken more than once: ${repeats}`];
    const survived = findings.length === 0 ? round : 0;
    const repeated = orders.reduce((sum, order) => sum + receiver.toldAt(order).repeats, 0);
    return {
      family: 'webhooks',
      rounds: round,
      survived,
      acknowledged: work.acknowledged,
      repeated,
      findings,
      remarks,
    };
  } finally {
    await system.remove();
    await receiver.close();
  }
}

class Work {
  /** Facts that were sent at least once. */
  asked = 0;
  acknowledged = 0;
  inFlight = 0;

  constructor(
    private readonly system: SystemUnderTest,
    private readonly name: string,
  ) {}

  async register(url: string, order: string): Promise<number> {
    const body = { name: order, url, order, events: ['token.reported'] };
    const answer = await this.call('POST', '/api/webhooks', `${this.name}-${order}`, JSON.stringify(body));
    return (JSON.parse(answer) as { id: number }).id;
  }

  /** Reports facts until there are so many; the event store keeps each once, however often it is sent. */
  async report(upTo: number): Promise<void> {
    const requests: Promise<unknown>[] = [];
    while (this.asked < upTo) {
      const count = Math.min(RECORDS_A_REQUEST, upTo - this.asked);
      const lines = Array.from({ length: count }, (_, index) => recordOf(`${this.name}-${this.asked + index}`));
      this.asked += count;
      requests.push(
        this.call('POST', '/api/tokens', undefined, lines.join('\n')).then(() => (this.acknowledged += count)),
      );
    }
    await Promise.all(requests);
  }

  async balance(webhookId: number): Promise<Balance | undefined> {
    const { balances } = JSON.parse(await this.call('GET', '/api/webhooks/balance')) as { balances: Balance[] };
    return balances.find((each) => each.webhook_id === webhookId);
  }

  /** Repeats the call until it is answered with a success. */
  private async call(method: string, path: string, key?: string, body?: string): Promise<string> {
    this.inFlight += 1;
    const type = path === '/api/tokens' ? 'application/x-ndjson' : 'application/json';
    try {
      return await eventually(
        `an answer to ${method} ${path}`,
        async () => {
          try {
            const answer = await fetch(`${this.system.url}${path}`, {
              method,
              headers: {
                'x-api-key': adminKey,
                'content-type': type,
                ...(key === undefined ? {} : { 'idempotency-key': key }),
              },
              ...(body === undefined ? {} : { body }),
              signal: AbortSignal.timeout(10_000),
            });
            const text = await answer.text();
            return answer.ok ? text : undefined;
          } catch {
            return undefined;
          }
        },
        ANSWER_BOUND_MS,
      );
    } finally {
      this.inFlight -= 1;
    }
  }
}

function recordOf(eventId: string): string {
  return JSON.stringify({ eventId, model: 'gpt-5', sessionId: 'teller:main', inputTokens: 7, outputTokens: 11 });
}

/** Every fact told and taken, under one id with one body; in the order of the log where that was promised. */
function checkTold(receiver: FailingReceiver, order: string, ids: readonly string[], kills: number): Finding[] {
  const { taken, identities, order: told, repeats } = receiver.toldAt(order);
  const known = new Set(ids);
  const missing = ids.filter((id) => !taken.has(id));
  const foreign = told.filter((id) => !known.has(id));
  const several = [...identities].filter(([, each]) => each.size > 1);
  const firstWrong = order === 'strict' ? told.findIndex((id, index) => id !== ids[index]) : -1;
  return [
    ...missing.map((id) => finding('lost', `${order}: ${id} was never taken`)),
    ...foreign.map((id) => finding('duplicated', `${order}: ${id} was told and is no fact`)),
    ...several.map(([id, each]) => finding('duplicated', `${order}: ${id} was told in ${each.size} forms`)),
    ...(firstWrong < 0 ? [] : [finding('gap', `${order}: the order is broken at the message ${firstWrong + 1}`)]),
    ...(repeats <= kills * WINDOW ? [] : [finding('duplicated', `${order}: ${repeats} were taken again`)]),
  ];
}

async function checkBalance(work: Work, order: string, webhookId: number, facts: number): Promise<Finding[]> {
  let last: Balance | undefined;
  const isSettled = async () => {
    last = await work.balance(webhookId);
    return last?.matching === facts && last.waiting_behind === 0 && last.pending === 0;
  };
  await eventually(`the balance of ${order}`, isSettled, ANSWER_BOUND_MS).catch(() => undefined);
  const isRight = last !== undefined && last.delivered + last.pending + last.dead === last.matching && last.error === 0;
  if (isRight && last?.delivered === facts && last.matching === facts) return [];
  return [finding('lost', `${order}: the balance is ${JSON.stringify(last)} over ${facts} facts`)];
}
