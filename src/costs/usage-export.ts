import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { CostQueries, type UsageRow, type UsageScope } from '../../projections/cost/cost.queries.js';
import { exportedUsage } from '../../projections/cost/export.queries.js';
import { pricedReports } from '../../projections/cost/priced-export.queries.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { takeSlot } from '../platform/rate-limit/slots.js';
import { Database } from '../platform/read-models/database.js';
import type { Snapshot } from '../platform/read-models/snapshot.js';
import { figures, figuresByName } from './usage-figures.js';
import { rowJson } from '../tokens/usage-json.js';
import { ROW_GROUP, usageParquet } from './usage-parquet.js';
import { type CsvCell, csvLine, Plain } from './csv.js';

export const exportFormats = ['json', 'csv', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Long enough for the sums of an export over everything. */
const STATEMENT_TIMEOUT_MS = 120_000;
/** Of one credential, over all processes (HTTP contract, section 3). */
const MOST_AT_ONCE = 2;
/** A reader that takes nothing for so long is gone, or keeps one moment of the data and a slot from everybody else. */
const STALLED_AFTER_MS = 120_000;

export interface ExportOptions {
  readonly credentialId: string;
  /** CSV without what keeps a spreadsheet from taking a text for a formula. */
  readonly raw: boolean;
  readonly stalledAfterMs?: number;
}

const COLUMNS = [
  'timestamp',
  'agentName',
  'model',
  'sessionId',
  'operation',
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'cost',
  'duration',
  'cacheReadTokens',
  'cacheWriteTokens',
  'reasoningTokens',
  'taskId',
  'eventId',
  'costUsd',
] as const;

/** Usage as files: streamed, of one moment of the data, and never cut off. */
@Injectable()
export class UsageExport {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Pick<Config, 'rateLimit'>,
  ) {}

  /** Errors: 503 when the database is away, 429 when too many exports run. */
  async stream(
    scope: UsageScope,
    format: ExportFormat,
    { credentialId, raw, stalledAfterMs = STALLED_AFTER_MS }: ExportOptions,
  ): Promise<Readable> {
    const snapshot = await this.database.snapshot({ statementTimeoutMs: STATEMENT_TIMEOUT_MS });
    try {
      if (this.config.rateLimit) await takeSlot(snapshot, 'exports', credentialId, MOST_AT_ONCE);
    } catch (error) {
      await snapshot.close();
      throw error;
    }
    const content = contentOf(snapshot, scope, format, raw);
    const stream: Readable = Readable.from(
      timed(content, stalledAfterMs, () => stream.destroy(new Error('the reader of an export has stalled'))),
      { objectMode: false },
    );
    // A reader that goes away before the first page never enters the generator.
    stream.once('close', () => void snapshot.close());
    return stream;
  }
}

/** Passes on what is read, and tells when nobody has asked for more for so long. */
async function* timed<Part>(parts: AsyncIterable<Part>, ms: number, onStalled: () => void): AsyncGenerator<Part> {
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const part of parts) {
      timer = setTimeout(onStalled, ms);
      yield part;
      clearTimeout(timer);
    }
  } finally {
    clearTimeout(timer);
  }
}

function contentOf(
  snapshot: Snapshot,
  scope: UsageScope,
  format: ExportFormat,
  raw: boolean,
): AsyncIterable<string | Uint8Array> {
  switch (format) {
    case 'csv':
      return csvOf(snapshot, scope, raw);
    case 'ndjson':
      return linesOf(snapshot, scope);
    case 'json':
      return jsonOf(snapshot, scope);
    case 'parquet':
      return usageParquet(pricedReports(snapshot, scope, ROW_GROUP));
  }
}

async function* csvOf(snapshot: Snapshot, scope: UsageScope, raw: boolean): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for await (const page of exportedUsage(snapshot, scope)) {
    yield page.map((row) => csvLine(cellsOf(row), raw)).join('');
  }
}

async function* linesOf(snapshot: Snapshot, scope: UsageScope): AsyncGenerator<string> {
  let count = 0;
  for await (const page of exportedUsage(snapshot, scope)) {
    count += page.length;
    yield page.map((row) => `${JSON.stringify(rowJson(row))}\n`).join('');
  }
  // A file that lacks this line was cut off.
  yield `${JSON.stringify({ end: true, count })}\n`;
}

async function* jsonOf(snapshot: Snapshot, scope: UsageScope): AsyncGenerator<string> {
  yield '{"usage":[';
  let isFirst = true;
  for await (const page of exportedUsage(snapshot, scope)) {
    const rows = page.map((row) => JSON.stringify(rowJson(row))).join(',');
    yield isFirst ? rows : `,${rows}`;
    isFirst = false;
  }
  const { summary, models, sessions } = await new CostQueries(snapshot).stats(scope);
  const sums = { summary: figures(summary), models: figuresByName(models), sessions: figuresByName(sessions) };
  yield `],${JSON.stringify(sums).slice(1)}`;
}

/** An unpriced report has no cost to show: an empty cell, never a zero. */
function cellsOf(row: UsageRow): readonly CsvCell[] {
  const cost = row.costUsd === null ? null : new Plain(row.costUsd);
  return [
    new Date(row.timestamp).toISOString(),
    row.agentName,
    row.model,
    row.sessionId,
    row.operation,
    row.inputTokens,
    row.outputTokens,
    row.inputTokens + row.outputTokens + row.cacheReadTokens + row.cacheWriteTokens,
    cost,
    row.durationMs,
    row.cacheReadTokens,
    row.cacheWriteTokens,
    row.reasoningTokens,
    row.taskId,
    row.eventId,
    cost,
  ];
}
