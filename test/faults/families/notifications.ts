import { setTimeout as pause } from 'node:timers/promises';
import { connector, withClient } from '../../../projections/engine/database.js';
import { eventually } from '../../support/eventually.js';
import { type Finding, finding } from '../finding.js';
import { kill, type Victim } from '../injectors/kill.js';
import { readLog } from '../oracle/stored-log.js';
import type { FamilyResult } from '../report/line.js';
import { adminKey, SystemUnderTest } from '../system/system.js';
import type { FamilyOptions } from './family.js';

const TASKS_A_ROUND = 40;
const RECIPIENTS = 5;
const ANSWER_BOUND_MS = 60_000;
const RAISE_BOUND_MS = 30_000;
/** A part must have served so long that its death is an accident to the supervisor, not a broken program. */
const LEAST_SERVICE_MS = 2_100;
/** The reactors live in the projector's process. */
const victims: readonly Victim[] = ['projector', 'projector', 'event store', 'everything'];

/**
 * Tasks are created for some recipients and commented with mentions, each command repeated until it is answered, while
 * the reactor is killed somewhere between events and notifications: every cause is told once to whom it concerns.
 */
export async function notificationsFamily(options: FamilyOptions): Promise<FamilyResult> {
  const { programDir, rounds, say } = options;
  const random = options.random.fork('notifications');
  const system = await SystemUnderTest.start(programDir);
  const work = new Work(system, `notifications-${options.random.seed}`);
  const findings: Finding[] = [];
  let round = 0;
  let survived = 0;
  try {
    await work.register();
    while (round < rounds && !findings.some(({ word }) => word === options.stopsAt)) {
      round += 1;
      const before = findings.length;
      const victim = random.pick(victims);
      const sending = work.round(round);
      await Promise.race(sending);
      await pause(LEAST_SERVICE_MS + random.between(0, 300));
      const more = work.round(round + rounds);
      const { healedMs } = await kill(victim, system, () => work.inFlight);
      await Promise.all([...sending, ...more]);
      findings.push(...(await check(system, work.expected)));
      if (findings.length === before) survived += 1;
      const told = `${work.expected.size} causes, ${victim} killed, healed in ${Math.round(healedMs)} ms`;
      say(`notifications ${round}/${rounds}: ${told}`);
      for (const { word, what } of findings.slice(before, before + 10)) say(`  ${word}: ${what}`);
    }
    const { acknowledged } = work;
    return { family: 'notifications', rounds: round, survived, acknowledged, repeated: 0, findings, remarks: [] };
  } finally {
    await system.remove();
  }
}

/** What is sent, and what must come of it. */
class Work {
  /** `<source> <id> <recipient>`. */
  readonly expected = new Set<string>();
  acknowledged = 0;
  inFlight = 0;

  constructor(
    private readonly system: SystemUnderTest,
    private readonly name: string,
  ) {}

  /** Only who exists can be mentioned. */
  async register(): Promise<void> {
    for (let index = 0; index < RECIPIENTS; index += 1) {
      await this.post('/api/agents', { name: recipient(index), role: 'crew' }, `${this.name}-agent-${index}`);
    }
  }

  round(round: number): Promise<void>[] {
    return Array.from({ length: TASKS_A_ROUND }, (_, index) => this.one(`${this.name}-${round}-${index}`, index));
  }

  private async one(key: string, index: number): Promise<void> {
    const assignee = recipient(index);
    const { task } = await this.post<{ task: { id: number } }>(
      '/api/tasks',
      { title: key, assigned_to: assignee },
      `${key}-task`,
    );
    this.expected.add(`task ${task.id} ${assignee}`);
    const mentioned = recipient(index + 1);
    const { comment } = await this.post<{ comment: { id: number } }>(
      `/api/tasks/${task.id}/comments`,
      { content: `@${mentioned} see ${key}` },
      `${key}-comment`,
    );
    for (const name of [assignee, mentioned]) this.expected.add(`comment ${comment.id} ${name}`);
  }

  /** Repeats the command until it is answered with a success. */
  private async post<T>(path: string, body: unknown, key: string): Promise<T> {
    this.inFlight += 1;
    try {
      return await eventually(
        `an answer to ${key}`,
        async () => {
          try {
            const answer = await fetch(`${this.system.url}${path}`, {
              method: 'POST',
              headers: { 'x-api-key': adminKey, 'content-type': 'application/json', 'idempotency-key': key },
              body: JSON.stringify(body),
              signal: AbortSignal.timeout(10_000),
            });
            const text = await answer.text();
            if (answer.status !== 201) return undefined;
            this.acknowledged += 1;
            return JSON.parse(text) as T;
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

function recipient(index: number): string {
  return `crew-${index % RECIPIENTS}`;
}

/** In the log and in the table people read: what was acknowledged is told once, and nothing else is. */
async function check(system: SystemUnderTest, expected: ReadonlySet<string>): Promise<Finding[]> {
  await eventually(
    'the notifications to be raised',
    async () => (await raisedIn(system)).size >= expected.size,
    RAISE_BOUND_MS,
  ).catch(() => undefined);
  const raised = await raisedIn(system);
  const listed = await eventually(
    'the notifications to be listed',
    async () => {
      const rows = await listedIn(await system.databaseUrl());
      return rows.length >= raised.size && rows;
    },
    RAISE_BOUND_MS,
  ).catch(() => []);
  return [
    ...[...expected].flatMap((key) => (raised.has(key) ? [] : [finding('lost', `${key} is never told`)])),
    ...[...raised].flatMap(([key, times]) => {
      if (!expected.has(key)) return [finding('duplicated', `${key} is told, and nothing caused it`)];
      return times === 1 ? [] : [finding('duplicated', `${key} is told ${times} times`)];
    }),
    ...[...expected].flatMap((key) => {
      const rows = listed.filter((row) => row === key).length;
      return rows === 1 ? [] : [finding(rows === 0 ? 'lost' : 'duplicated', `${key} is listed ${rows} times`)];
    }),
  ];
}

async function raisedIn(system: SystemUnderTest): Promise<ReadonlyMap<string, number>> {
  const raised = new Map<string, number>();
  for (const { type, data } of await readLog(system.eventStoreUrl)) {
    if (type !== 'NotificationRaised') continue;
    const key = `${String(data['sourceType'])} ${String(data['sourceId'])} ${String(data['recipient'])}`;
    raised.set(key, (raised.get(key) ?? 0) + 1);
  }
  return raised;
}

function listedIn(databaseUrl: string): Promise<readonly string[]> {
  return withClient(connector(databaseUrl, 'fault oracle'), async (client) => {
    const { rows } = await client.query<{ key: string }>(
      `select source_type || ' ' || source_id || ' ' || recipient as key from notifications`,
    );
    return rows.map(({ key }) => key);
  });
}
