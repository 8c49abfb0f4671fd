import { describe, expect, it } from '@jest/globals';
import type { PricedReport } from '../../projections/cost/priced-export.queries.js';
import { readParquet } from '../../test/support/parquet.js';
import { usageParquet } from './usage-parquet.js';

const priced: PricedReport = {
  id: '7b2e6a52-9d3f-4c35-8f0a-0a4b1f0f5c11',
  event_id: 'run-1',
  occurred_ms: '1772359200123',
  recorded_ms: '1772359260456',
  agent_id: '7',
  agent_name: 'bot',
  session_id: 'bot:a:b',
  task_id: '12',
  provider: 'anthropic',
  model: 'claude-sonnet-4-5-20250929',
  canonical_provider: 'anthropic',
  canonical_model: 'claude-sonnet-4-5',
  match_kind: 'date',
  service_class: 'standard',
  operation: 'chat',
  duration_ms: '604800000',
  input_tokens: '9007199254740991',
  output_tokens: '0',
  cache_read_tokens: '1',
  cache_write_tokens: '2',
  cache_write_1h_tokens: '2',
  reasoning_tokens: '0',
  cost_usd: '90071992547409.910000000001',
  unpriced_reason: null,
  rate_id: 3,
  book_version: 2,
  reported_cost_usd: '0.000000000001',
  corrected_ms: '1772359300000',
};
const unpriced: PricedReport = {
  ...priced,
  event_id: 'größe \u{1F680} =cmd()',
  occurred_ms: '-62135596800000',
  agent_id: null,
  task_id: null,
  provider: null,
  canonical_provider: null,
  canonical_model: null,
  match_kind: null,
  service_class: null,
  duration_ms: null,
  cache_write_1h_tokens: null,
  reasoning_tokens: null,
  cost_usd: null,
  unpriced_reason: 'unknown_model',
  rate_id: null,
  reported_cost_usd: '99999999999999999999.999999999999',
  corrected_ms: null,
};

const units = (text: string | null) => (text === null ? null : BigInt(text.replace('.', '')));
const big = (value: string | number | null) => (value === null ? null : BigInt(value));
const instant = (ms: string | null) => (ms === null ? null : new Date(Number(ms)));

/** What a reader has to see: decimals in units of the twelfth place. */
function expected({ occurred_ms, recorded_ms, corrected_ms, ...row }: PricedReport) {
  return {
    ...row,
    occurred_at: instant(occurred_ms),
    recorded_at: instant(recorded_ms),
    corrected_at: instant(corrected_ms),
    agent_id: big(row.agent_id),
    task_id: big(row.task_id),
    duration_ms: big(row.duration_ms),
    input_tokens: big(row.input_tokens),
    output_tokens: big(row.output_tokens),
    cache_read_tokens: big(row.cache_read_tokens),
    cache_write_tokens: big(row.cache_write_tokens),
    cache_write_1h_tokens: big(row.cache_write_1h_tokens),
    reasoning_tokens: big(row.reasoning_tokens),
    rate_id: big(row.rate_id),
    book_version: big(row.book_version),
    cost_usd: units(row.cost_usd),
    reported_cost_usd: units(row.reported_cost_usd),
  };
}

async function written(pages: readonly (readonly PricedReport[])[]) {
  async function* source() {
    yield* pages;
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of usageParquet(source())) pieces.push(piece);
  return { pieces, ...(await readParquet(Buffer.concat(pieces))) };
}

describe('a Parquet file of usage', () => {
  it('holds every value exactly: no double stands for money or a count', async () => {
    const { rows, metadata } = await written([[priced, unpriced]]);
    expect(rows).toEqual([expected(priced), expected(unpriced)]);
    for (const name of ['cost_usd', 'reported_cost_usd']) {
      expect(metadata.schema.find((element) => element.name === name)).toMatchObject({
        type: 'FIXED_LEN_BYTE_ARRAY',
        logical_type: { type: 'DECIMAL', precision: 38, scale: 12 },
      });
    }
  });

  it('is written in pieces, one row group for each page', async () => {
    const page = (at: number) =>
      Array.from({ length: 50 }, (_, index) => ({
        ...(index % 3 === 0 ? unpriced : priced),
        event_id: `${at}-${index}`,
      }));
    const pages = Array.from({ length: 20 }, (_, at) => page(at));
    const { pieces, rows, metadata } = await written(pages);
    expect(pieces).toHaveLength(21);
    expect(metadata.row_groups).toHaveLength(20);
    expect(Math.max(...pieces.slice(1, 20).map(({ length }) => length))).toBeLessThan(2 * (pieces[1]?.length ?? 0));
    expect(rows).toEqual(pages.flat().map(expected));
  });

  it('without usage is a file without rows', async () => {
    const { rows, metadata } = await written([]);
    expect(rows).toEqual([]);
    expect(metadata.schema.map(({ name }) => name)).toContain('cost_usd');
  });
});
