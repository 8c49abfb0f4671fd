import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Driver } from '../driver/driver.js';
import { Ledger } from '../driver/ledger.js';
import { type Finding, finding } from '../finding.js';
import { kill, type Victim } from '../injectors/kill.js';
import { checkStore } from '../oracle/store.js';
import { readLog } from '../oracle/stored-log.js';
import type { FamilyResult } from '../report/line.js';
import { SystemUnderTest } from '../system/system.js';
import type { FamilyOptions } from './family.js';

/** A part must have served so long that its death is an accident to the supervisor, not a broken program. */
const LEAST_SERVICE_MS = 2_200;

/** Kills one victim again and again under load, and asks the whole oracle after every time. */
export async function killFamily(victim: Victim, options: FamilyOptions): Promise<FamilyResult> {
  const random = options.random.fork(victim);
  const system = await SystemUnderTest.start(options.programDir);
  const ledger = new Ledger(join(system.dataDir, 'ledger.ndjson'));
  const driver = new Driver(() => system.url, ledger, random.fork('driver'), options.clients);
  const findings: Finding[] = [];
  let survived = 0;
  let round = 0;
  try {
    for (round = 1; round <= options.rounds; round += 1) {
      const before = findings.length;
      try {
        driver.start();
        await driver.progress(options.clients);
        await pause(LEAST_SERVICE_MS + random.between(0, 500));
        const injection = await kill(victim, system, () => driver.inFlight);
        await driver.progress(options.clients);
        await driver.settle();
        findings.push(...checkStore(await readLog(system.eventStoreUrl), ledger.entries));
        options.say(
          `${victim} ${round}/${options.rounds}: ${injection.inFlight} in flight, healed in ${Math.round(injection.healedMs)} ms`,
        );
      } catch (error) {
        findings.push(finding('unwell', error instanceof Error ? error.message : String(error)));
      }
      findings.push(...driver.complaints.splice(0));
      if (findings.length === before) survived += 1;
    }
  } finally {
    await system.remove();
    ledger.close();
  }
  return {
    family: victim,
    rounds: round - 1,
    survived,
    acknowledged: driver.acknowledged,
    findings,
    remarks: [],
    repeated: ledger.entries.filter(({ attempts }) => attempts > 1).length,
  };
}
