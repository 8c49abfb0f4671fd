import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import { Driver } from '../driver/driver.js';
import { Ledger } from '../driver/ledger.js';
import { type Finding, finding } from '../finding.js';
import { type Injection, kill, type Victim } from '../injectors/kill.js';
import { CutListener } from '../listeners/cut-listener.js';
import { checkEnd, checkOutput } from '../oracle/health.js';
import { checkListeners } from '../oracle/listeners.js';
import { checkBatchSizes, checkProjections } from '../oracle/projections.js';
import { checkStore } from '../oracle/store.js';
import { readLog } from '../oracle/stored-log.js';
import type { FamilyResult } from '../report/line.js';
import type { Random } from '../random.js';
import { SystemUnderTest } from '../system/system.js';
import type { FamilyOptions } from './family.js';

/** A part must have served so long that its death is an accident to the supervisor, not a broken program. */
const LEAST_SERVICE_MS = 2_100;
const CUTS_BOUND_MS = 180_000;

/** One system, one ledger, some listeners; round after round something is killed under load and the whole oracle asked. */
export class Trial {
  readonly #driver: Driver;
  readonly #ledger: Ledger;
  readonly #listeners: readonly CutListener[];
  readonly #random: Random;
  readonly #findings: Finding[] = [];
  #rounds = 0;
  #survived = 0;
  #slowestHealingMs = 0;
  #isDead = false;

  private constructor(
    private readonly name: string,
    private readonly system: SystemUnderTest,
    private readonly options: FamilyOptions,
  ) {
    const { clients, listeners } = options;
    this.#random = options.random.fork(name);
    this.#ledger = new Ledger(join(system.dataDir, 'ledger.ndjson'));
    this.#driver = new Driver(() => system.url, this.#ledger, this.#random.fork('driver'), clients);
    this.#listeners = Array.from(
      { length: listeners },
      (_, index) => new CutListener(() => system.url, clients, this.#random.fork(`listener-${index}`)),
    );
  }

  /** Runs the family: in each round whatever `victimOf` draws. */
  static async run(
    name: string,
    options: FamilyOptions,
    victimOf: (round: number, random: Random) => Victim,
  ): Promise<FamilyResult> {
    const trial = new Trial(name, await SystemUnderTest.start(options.programDir, options), options);
    try {
      for (const listener of trial.#listeners) listener.start();
      for (let round = 1; round <= options.rounds && !trial.#isOver(); round += 1) {
        await trial.#round(round, victimOf(round, trial.#random));
      }
      if (!trial.#isOver()) await trial.#end();
      return trial.#result();
    } finally {
      await trial.#close();
    }
  }

  #isOver(): boolean {
    return this.#isDead || this.#findings.some(({ word }) => word === this.options.stopsAt);
  }

  async #round(round: number, victim: Victim): Promise<void> {
    const before = this.#findings.length;
    this.#rounds += 1;
    let injection: Injection | undefined;
    try {
      this.#driver.start();
      await this.#driver.progress(this.options.clients);
      await pause(LEAST_SERVICE_MS + this.#random.between(0, 700));
      injection = await kill(victim, this.system, () => this.#driver.inFlight);
      await this.#driver.progress(this.options.clients);
      await this.#driver.settle();
      await this.#ask();
    } catch (error) {
      this.#findings.push(finding('unwell', reasonOf(error)));
      this.#isDead = true;
      await this.#driver.settle();
    }
    this.#findings.push(...this.#driver.complaints.splice(0));
    const news = this.#findings.slice(before);
    if (news.length === 0) this.#survived += 1;
    this.#slowestHealingMs = Math.max(this.#slowestHealingMs, injection?.healedMs ?? 0);
    this.#tell(round, victim, injection, news);
  }

  /** The whole oracle, on a system at rest. */
  async #ask(): Promise<void> {
    const { eventStoreUrl } = this.system;
    const log = await readLog(eventStoreUrl);
    this.#findings.push(...checkStore(log, this.#ledger.entries));
    this.#findings.push(...(await checkListeners(log, this.#listeners)));
    this.#findings.push(
      ...(await checkProjections(eventStoreUrl, await this.system.databaseUrl(), this.#ledger.entries)),
    );
    this.#findings.push(...checkOutput(this.system.output));
  }

  async #end(): Promise<void> {
    try {
      const { leastCuts } = this.options;
      const isCutEnough = () => this.#listeners.every(({ cuts }) => cuts >= leastCuts);
      await eventually(`${leastCuts} cuts of every listener`, isCutEnough, CUTS_BOUND_MS);
      this.#findings.push(...(await checkListeners(await readLog(this.system.eventStoreUrl), this.#listeners)));
      await Promise.all(this.#listeners.map((listener) => listener.stop()));
      const { eventStoreUrl } = this.system;
      const databaseUrl = await this.system.databaseUrl();
      this.#findings.push(...(await checkBatchSizes(eventStoreUrl, databaseUrl, this.options.batchSizes)));
      this.#findings.push(...(await checkEnd(this.system)));
    } catch (error) {
      this.#findings.push(finding('unwell', reasonOf(error)));
    }
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.stop()));
    this.#ledger.close();
    if (this.#findings.length === 0 || !this.options.keepsFailures) {
      await this.system.remove();
      return;
    }
    await this.system.killEverything();
    writeFileSync(join(this.system.dataDir, 'output.log'), this.system.output);
    writeFileSync(join(this.system.dataDir, 'findings.json'), JSON.stringify(this.#findings, null, 1));
    this.options.say(`${this.name}: kept in ${this.system.dataDir}`);
  }

  #tell(round: number, victim: Victim, injection: Injection | undefined, news: readonly Finding[]): void {
    const { say, rounds } = this.options;
    const hit =
      injection === undefined
        ? 'did not heal'
        : `${injection.inFlight} in flight, healed in ${Math.round(injection.healedMs)} ms`;
    const end = news.length === 0 ? 'survived' : `${news.length} findings`;
    say(`${this.name} ${round}/${rounds}: ${victim} killed, ${hit}, ${end}`);
    for (const { word, what } of news.slice(0, 10)) say(`  ${word}: ${what}`);
  }

  #result(): FamilyResult {
    const cuts = this.#listeners.map((listener) => listener.cuts);
    const frames = this.#listeners.reduce((sum, { ids }) => sum + ids.length, 0);
    return {
      family: this.name,
      rounds: this.#rounds,
      survived: this.#survived,
      acknowledged: this.#driver.acknowledged,
      repeated: this.#ledger.entries.filter(({ attempts }) => attempts > 1).length,
      findings: this.#findings,
      remarks: [
        `${this.#ledger.count('refused')} refused`,
        `healed within ${(this.#slowestHealingMs / 1_000).toFixed(1)} s`,
        `slowest answer ${(this.#driver.slowestMs / 1_000).toFixed(1)} s`,
        `${cuts.length} listeners cut ${Math.min(...cuts)} to ${Math.max(...cuts)} times, ${frames} frames`,
      ],
    };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
