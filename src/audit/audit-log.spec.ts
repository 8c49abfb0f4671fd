import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { sample } from '../../test/support/sample-events.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { AuditLog, type PageBudget } from './audit-log.js';
import { readAuditQuery } from './audit-query.js';

const GENERATION = '7f3a9c01';
const tails: LogTail[] = [];

async function auditOf(log: ScriptedLog, budget?: PageBudget): Promise<AuditLog> {
  const tail = new LogTail(log, quietLogger, { proveEveryMs: 20 });
  tails.push(tail);
  tail.start();
  await eventually('the tail is live', () => tail.isLive(1_000));
  return new AuditLog(log, tail, { current: GENERATION, isKnown: true }, budget);
}

const asked = (query: Record<string, string>, isEndless = false) => readAuditQuery(query, GENERATION, isEndless);

async function logOf(count: number): Promise<ScriptedLog> {
  const log = new ScriptedLog();
  for (let i = 0; i < count; i++) {
    const { stream, event } = i === count - 1 ? sample.tokensReported(1) : sample.statusChanged(1 + (i % 9));
    await log.append(stream, [event]);
  }
  return log;
}

afterEach(async () => {
  await Promise.all(tails.splice(0).map((tail) => tail.stop()));
});

describe('a page of the history', () => {
  it.each(['asc', 'desc'])('gives up after a bounded number of facts, and goes on from there (%s)', async (order) => {
    const log = await logOf(3_000);
    const audit = await auditOf(log, { entries: 500, ms: 60_000, bytes: 1_000_000 });
    const type = order === 'asc' ? 'TokenUsageReported' : 'NeverHappened';
    let found = 0;
    let pages = 0;
    let from: string | null | undefined;
    while (from !== null && pages < 100) {
      const page = await audit.page(asked({ type, order, ...(from === undefined ? {} : { from }) }), 1);
      found += page.events.length;
      from = page.next;
      pages += 1;
    }
    expect(found).toBe(order === 'asc' ? 1 : 0);
    expect(pages).toBeGreaterThanOrEqual(6);
    expect(pages).toBeLessThan(12);
  });

  it('ends early when it would become too large to hold', async () => {
    const log = await logOf(100);
    const audit = await auditOf(log, { entries: 50_000, ms: 60_000, bytes: 1_000 });
    const page = await audit.page(asked({}), 1);
    expect(page.events.length).toBeLessThan(30);
    expect(page.next).toBe(page.events.at(-1)?.position);
  });

  it('shows nobody another workspace', async () => {
    const audit = await auditOf(await logOf(10));
    expect((await audit.page(asked({}), 2)).events).toEqual([]);
  });
});

describe('an export', () => {
  it('reads on only as fast as it is read, and leaves nothing open when it is abandoned', async () => {
    const log = await logOf(3_000);
    const audit = await auditOf(log);
    const lines = audit.lines(asked({}, true), 1);
    await lines.next();
    expect(log.open).toContain('audit');
    await lines.return();
    expect(log.open).toEqual(['log-tail']);
  });

  it('has no last line when the store goes away in between', async () => {
    const log = await logOf(3_000);
    const audit = await auditOf(log);
    let text = '';
    await expect(
      (async () => {
        for await (const chunk of audit.lines(asked({}, true), 1)) {
          text += chunk;
          log.isAway = true;
        }
      })(),
    ).rejects.toThrow('away');
    expect(text).not.toContain('"end":true');
    log.comeBack();
  });
});
