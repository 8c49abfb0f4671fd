import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Application, startApplication } from '../support/application.js';
import { testKeys } from '../support/http-app.js';
import { readParquet } from '../support/parquet.js';

let application: Application;

beforeAll(async () => {
  application = await startApplication();
});

afterAll(async () => {
  await application.close();
});

async function exported(query: string, key: string = testKeys.viewer) {
  const url = `${application.urls[0]}/api/tokens?action=export&format=parquet${query}`;
  const response = await fetch(url, { headers: { 'x-api-key': key } });
  return { response, ...(await readParquet(new Uint8Array(await response.arrayBuffer()))) };
}

describe('usage and cost as a Parquet file', () => {
  const usage = (at: number) => ({
    eventId: `row-${at}`,
    model: at % 7 === 0 ? 'nobody-knows-it' : 'claude-sonnet-4-5',
    sessionId: `bot-${at % 3}:cli`,
    inputTokens: at * 1_001,
    outputTokens: at,
    cacheReadTokens: at % 5,
    timestamp: Date.UTC(2026, 0, 1) + at * 1_000,
    ...(at % 2 === 0 ? { reportedCostUsd: `0.${String(at + 1).padStart(12, '0')}` } : {}),
  });
  const all = Array.from({ length: 5_000 }, (_, at) => usage(at));

  it('holds every report of the period, with the figures that the other exports show', async () => {
    await application.call('POST', '/api/tokens', { body: all.slice(0, 2_500) });
    const { headers } = await application.call('POST', '/api/tokens', { body: all.slice(2_500) });
    await application.read('/api/tokens?limit=1', headers);
    const { response, rows, metadata } = await exported('');
    expect(response.headers.get('content-type')).toBe('application/vnd.apache.parquet');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename=token-usage-all-.*\.parquet$/);
    expect(response.headers.get('x-mc-position')).toMatch(/^1-/);
    expect([rows.length, metadata.row_groups.length]).toEqual([5_000, 3]);
    const lines = (await application.call('GET', '/api/tokens?action=export&format=ndjson')).body.trimEnd().split('\n');
    const shown = lines.slice(0, -1).map((line: string) => JSON.parse(line));
    const decimal = (text?: string | null) => (typeof text === 'string' ? BigInt(text.replace('.', '')) : null);
    expect(
      rows.map((row) => [
        row['id'],
        row['event_id'],
        row['session_id'],
        row['input_tokens'],
        row['cache_read_tokens'],
        row['cost_usd'],
        row['unpriced_reason'],
        row['reported_cost_usd'],
        row['occurred_at'],
      ]),
    ).toEqual(
      shown.map((record: ReturnType<typeof JSON.parse>) => [
        record.id,
        record.eventId,
        record.sessionId,
        BigInt(record.inputTokens),
        BigInt(record.cacheReadTokens),
        decimal(record.costUsd),
        record.unpricedReason ?? null,
        decimal(record.reportedCostUsd),
        new Date(record.timestamp),
      ]),
    );
    expect(rows.filter((row) => row['cost_usd'] !== null && row['rate_id'] === null)).toEqual([]);
    expect(rows.some((row) => row['cost_usd'] === null) && rows.some((row) => row['cost_usd'] !== null)).toBe(true);
    const { body } = await application.call('GET', '/api/tokens?action=stats');
    const sum = rows.reduce((total, row) => total + ((row['cost_usd'] as bigint | null) ?? 0n), 0n);
    expect(sum).toBe(decimal(body.summary.totalCostUsd));
  });

  it('ends and begins where it is asked to', async () => {
    const from = Date.UTC(2026, 0, 1) + 10_000;
    const { rows } = await exported(`&since=${from}&until=${from + 3_000}`);
    expect(rows.map((row) => row['event_id'])).toEqual(['row-10', 'row-11', 'row-12']);
    expect((await exported('&since=5&until=6')).rows).toEqual([]);
  });

  it.each(['&format=parquet&since=x', '&since=6&until=5'])('refuses %s', async (query) => {
    expect(await application.call('GET', `/api/tokens?action=export${query}`)).toMatchObject({ status: 400 });
  });

  it('is no shape of another answer', async () => {
    expect(await application.call('GET', '/api/tokens?action=stats&format=parquet')).toMatchObject({ status: 400 });
  });
});
