import { withClient, connector } from '../../../projections/engine/database.js';
import { eventually } from '../../support/eventually.js';
import { type Finding, finding } from '../finding.js';
import { readLog } from '../oracle/stored-log.js';
import type { FamilyResult } from '../report/line.js';
import { adminKey, SystemUnderTest } from '../system/system.js';
import type { FamilyOptions } from './family.js';

const COPIES = 50;
const ANSWER_BOUND_MS = 60_000;

/**
 * One report, 50 copies at once over two api processes, everything killed among them, and 50 copies again after the
 * restart: every copy is answered, and it counts once.
 */
export async function copiesFamily(options: FamilyOptions): Promise<FamilyResult> {
  const system = await SystemUnderTest.start(options.programDir, { apiWorkers: 2 });
  const findings: Finding[] = [];
  let round = 0;
  let survived = 0;
  let answered = 0;
  try {
    while (round < options.rounds && !findings.some(({ word }) => word === options.stopsAt)) {
      round += 1;
      const id = `copies-${options.random.seed}-${round}`;
      const before = findings.length;
      const first = burst(system.url, id);
      await Promise.race(first);
      await system.killEverything();
      await system.boot();
      const statuses = await Promise.all([...first, ...burst(system.url, id)]);
      answered += statuses.length;
      findings.push(...(await checkOnce(system, id)));
      if (findings.length === before) survived += 1;
      options.say(
        `copies ${round}/${options.rounds}: ${statuses.length} answers to one report, everything killed once`,
      );
      for (const { word, what } of findings.slice(before)) options.say(`  ${word}: ${what}`);
    }
    return { family: 'copies', rounds: round, survived, acknowledged: answered, repeated: 0, findings, remarks: [] };
  } finally {
    await system.remove();
  }
}

function burst(url: string, eventId: string): Promise<number>[] {
  return Array.from({ length: COPIES }, () => report(url, eventId));
}

/** Sends the report until it is answered with a success. */
function report(url: string, eventId: string): Promise<number> {
  const body = { eventId, model: 'gpt-5', sessionId: 'copier:main', inputTokens: 7, outputTokens: 11 };
  return eventually(
    `an answer to a copy of ${eventId}`,
    async () => {
      try {
        const answer = await fetch(`${url}/api/tokens`, {
          method: 'POST',
          headers: { 'x-api-key': adminKey, 'content-type': 'application/json' },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(10_000),
        });
        await answer.arrayBuffer();
        return answer.status === 200 && answer.status;
      } catch {
        return undefined;
      }
    },
    ANSWER_BOUND_MS,
  );
}

async function checkOnce(system: SystemUnderTest, eventId: string): Promise<Finding[]> {
  const stored = (await readLog(system.eventStoreUrl)).filter(({ data }) => data['eventId'] === eventId).length;
  const counted = await eventually(`${eventId} to be counted`, async () => {
    const rows = await countOf(await system.databaseUrl(), eventId);
    return rows > 0 && rows;
  }).catch(() => 0);
  return [
    ...(stored === 1 ? [] : [finding(stored === 0 ? 'lost' : 'duplicated', `${eventId} is stored ${stored} times`)]),
    ...(counted === 1 ? [] : [finding(counted === 0 ? 'lost' : 'duplicated', `${eventId} counts ${counted} times`)]),
  ];
}

function countOf(databaseUrl: string, eventId: string): Promise<number> {
  return withClient(connector(databaseUrl, 'fault oracle'), async (client) => {
    const { rows } = await client.query<{ count: string }>('select count(*) from usage_event where event_id = $1', [
      eventId,
    ]);
    return Number(rows[0]?.count);
  });
}
