import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { eventually } from '../../test/support/eventually.js';
import { keyHeader, startHttpApp, testConfig, testKeys } from '../../test/support/http-app.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { stubController } from '../../test/support/stub-controller.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { rulesOf } from '../platform/auth/access-table.js';
import { keyFrom } from '../platform/auth/key-format.js';
import { KeyDirectory } from '../platform/auth/key-directory.js';
import { RefusalJournal } from '../platform/auth/refusal-journal.js';
import { SystemClock } from '../platform/clock/clock.js';
import { RandomIds } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { RefusedAccessJournal } from '../security/refused-access.journal.js';
import { KeyRing } from './key-ring.js';
import { KeyUses } from './key-uses.js';
import { KnownKeys } from './known-keys.js';

const GUESSES = 20_000;

/** Counts what is asked of the store about keys and agents. */
class CountedLog extends ScriptedLog {
  streamReads = 0;

  override readStream(...args: Parameters<ScriptedLog['readStream']>) {
    this.streamReads += 1;
    return super.readStream(...args);
  }
}

describe('[KEY-4] guesses from one address', () => {
  const log = new CountedLog();
  const clock = new SystemClock();
  const ids = new RandomIds();
  const tail = new LogTail(log, quietLogger);
  const ring = new KeyRing(log, tail, quietLogger);
  const journal = new RefusedAccessJournal({
    store: log,
    clock,
    ids,
    logger: quietLogger,
    addressKey: Buffer.alloc(32),
  });
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const agents = new AgentDirectory(log, new Numbers({ store: log, clock, ids }), tail);
    const uses = new KeyUses({ store: log, clock, ids, logger: quietLogger });
    const keys = new KnownKeys(testConfig().environmentKeys, { ring, agents, clock, uses });
    const rules = rulesOf('/api/guarded', { GET: { role: 'viewer' } });
    app = await startHttpApp({
      rules: [...rules, ...rulesOf('/metrics', { GET: { role: 'viewer' } })],
      controllers: [stubController(rules)],
      providers: [
        { provide: KeyDirectory, useValue: keys },
        { provide: RefusalJournal, useValue: journal },
      ],
      config: { trustedProxies: ['127.0.0.1'] },
    });
    ring.start();
    tail.start();
    await ring.loaded;
    await eventually('the tail is live', () => tail.isLive(1_000));
  });

  afterAll(async () => {
    ring.stop();
    await tail.stop();
    await app.close();
  });

  const ask = async (key: string, address: string) => {
    const headers = { ...keyHeader(key), 'x-forwarded-for': address };
    return (await app.inject({ url: '/api/guarded', headers })).statusCode;
  };

  it('are answered 401 ten times, then 429, without a look at the store, and hurt nobody else', async () => {
    const reads = log.streamReads;
    const statuses = new Map<number, number>();
    for (let at = 0; at < GUESSES; at += 1) {
      const bytes = Buffer.alloc(80);
      bytes.writeUInt32BE(at);
      const wellFormed = keyFrom('mck_', bytes);
      const status = await ask(at % 2 === 0 ? wellFormed : `${wellFormed.slice(0, 39)}!`, '203.0.113.9');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // Injected requests alone never let a timer run.
      if (at % 100 === 0) await new Promise(setImmediate);
      if (at % 2_000 !== 0) continue;
      expect(await ask(testKeys.viewer, '203.0.113.9')).toBe(200);
      expect(await ask(testKeys.viewer, '198.51.100.7')).toBe(200);
    }
    expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([401, 429]);
    const first = statuses.get(401) ?? 0;
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first).toBeLessThan(100);
    expect(log.streamReads).toBe(reads);
    await journal.flush(true);
    const told = log.entries.filter(({ type }) => type === 'AccessRefused');
    const minutes = told.map((entry) => ('data' in entry ? (entry.data as { minute: string }).minute : ''));
    expect(new Set(minutes).size).toBe(told.length);
    expect(told.length).toBeLessThan(20);
  }, 300_000);
});
