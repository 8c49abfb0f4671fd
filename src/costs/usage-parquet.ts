import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { COST_DECIMALS, unitsOf } from '../../projections/cost/decimal.js';
import type { PricedReport } from '../../projections/cost/priced-export.queries.js';

/** Rows of one row group: what is held in memory, and encoded without a pause, at a time. */
export const ROW_GROUP = 2_000;

interface Column {
  readonly element: SchemaElement;
  readonly value: (row: PricedReport) => unknown;
}

type Name = keyof PricedReport;

const exactly = (text: string | number | null) => (text === null ? null : BigInt(text));
const money = (text: string | null) => (text === null ? null : unitsOf(text, COST_DECIMALS));

const column = (name: Name, isNull: boolean, type: Omit<SchemaElement, 'name'>, value: Column['value']): Column => ({
  element: { name, repetition_type: isNull ? 'OPTIONAL' : 'REQUIRED', ...type },
  value,
});
const text = (name: Name, isNull = false) =>
  column(
    name,
    isNull,
    { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
    (row) => row[name],
  );
const integer = (name: Name, isNull = false) => column(name, isNull, { type: 'INT64' }, (row) => exactly(row[name]));
const instant = (name: string, from: Name, isNull = false): Column => ({
  element: {
    name,
    repetition_type: isNull ? 'OPTIONAL' : 'REQUIRED',
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  value: (row) => exactly(row[from]),
});
/** decimal(38,12): every cost fits, and none is rounded. */
const decimal = (name: 'cost_usd' | 'reported_cost_usd') =>
  column(
    name,
    true,
    {
      type: 'FIXED_LEN_BYTE_ARRAY',
      type_length: 16,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision: 38, scale: COST_DECIMALS },
      precision: 38,
      scale: COST_DECIMALS,
    },
    (row) => money(row[name]),
  );

const columns: readonly Column[] = [
  text('id'),
  text('event_id'),
  instant('occurred_at', 'occurred_ms'),
  instant('recorded_at', 'recorded_ms'),
  integer('agent_id', true),
  text('agent_name'),
  text('session_id'),
  integer('task_id', true),
  text('provider', true),
  text('model'),
  text('canonical_provider', true),
  text('canonical_model', true),
  text('match_kind', true),
  text('service_class', true),
  text('operation'),
  integer('duration_ms', true),
  integer('input_tokens'),
  integer('output_tokens'),
  integer('cache_read_tokens'),
  integer('cache_write_tokens'),
  integer('cache_write_1h_tokens', true),
  integer('reasoning_tokens', true),
  decimal('cost_usd'),
  text('unpriced_reason', true),
  integer('rate_id', true),
  integer('book_version'),
  decimal('reported_cost_usd'),
  instant('corrected_at', 'corrected_ms', true),
];

const schema: SchemaElement[] = [
  { name: 'usage', num_children: columns.length },
  ...columns.map(({ element }) => element),
];

/** A Parquet file of usage and its cost, in pieces: one row group for each page. A file that breaks off has no footer and is no file. */
export async function* usageParquet(pages: AsyncIterable<readonly PricedReport[]>): AsyncGenerator<Uint8Array> {
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({ writer: bytes, schema, createdBy: 'mission-control' });
  for await (const rows of pages) {
    await parquet.write({
      rowGroupSize: rows.length,
      columnData: columns.map(({ element, value }) => ({
        name: element.name,
        data: rows.map(value),
        // Both are written at the end of the file and kept until then; readers skip row groups by time alone.
        offsetIndex: false,
        statistics: element.name === 'occurred_at',
      })),
    });
    yield taken(bytes);
  }
  await parquet.finish();
  yield taken(bytes);
}

/** What was written since the last time; the writer goes on counting from the beginning of the file. */
function taken(bytes: ByteWriter): Uint8Array {
  const piece = bytes.getBytes().slice();
  bytes.index = 0;
  return piece;
}
