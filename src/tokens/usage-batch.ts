import { badRequest, Refusal } from '../platform/http/errors.js';
import { parseJson } from '../platform/http/json-guard.js';
import { contentDigest, parseUsage, type UsageReport } from './usage-report.js';

const MAX_RECORDS = 10_000;
const MAX_LISTED = 100;

export interface BatchFault {
  readonly index: number;
  readonly eventId?: string;
  readonly errors: readonly string[];
}

export interface CheckedBatch {
  /** The valid reports with their place in the call, each under an id of its own. */
  readonly reports: readonly { readonly index: number; readonly report: UsageReport & { readonly eventId: string } }[];
  readonly faults: readonly BatchFault[];
}

/** A line that is not JSON: one bad record, when the others are to be recorded. */
class UnreadableLine {
  constructor(readonly reason: string) {}
}

/** NDJSON: one object a line, blank lines skipped. Errors: 400 naming the line, unless bad records are skipped. */
export function parseLines(bytes: Buffer, onError: 'refuse' | 'skip'): readonly unknown[] {
  const records: unknown[] = [];
  for (let start = 0, line = 1; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const text = bytes.subarray(start, end);
    if (!isBlank(text)) records.push(parseLine(text, line, onError));
    start = end + 1;
  }
  return records;
}

/**
 * Checks every record before any is stored. Record i without an `eventId` becomes `<key>#<i>`.
 * Errors: 400 for too many records, or for one that has neither an id nor a key to derive it from.
 */
export function checkBatch(records: readonly unknown[], key: string | undefined, now: Date): CheckedBatch {
  if (records.length === 0) throw badRequest('Expected at least one token usage record');
  if (records.length > MAX_RECORDS) throw new Refusal(413, `At most ${MAX_RECORDS} records in one call`);
  const reports: { index: number; report: UsageReport & { eventId: string } }[] = [];
  const faults: BatchFault[] = [];
  const digests = new Map<string, string>();
  for (const [index, record] of records.entries()) {
    if (record instanceof UnreadableLine) {
      faults.push({ index, errors: [record.reason] });
      continue;
    }
    const parsed = parseUsage(record, now);
    if (parsed.kind === 'invalid') {
      faults.push({
        index,
        ...(parsed.eventId === undefined ? {} : { eventId: parsed.eventId }),
        errors: parsed.errors,
      });
      continue;
    }
    const eventId = parsed.report.eventId ?? (key === undefined ? undefined : `${key}#${index}`);
    if (eventId === undefined) {
      faults.push({
        index,
        errors: ['eventId: required in a batch without Idempotency-Key, or a retry would count twice'],
      });
      continue;
    }
    const digest = contentDigest(parsed.report);
    if ((digests.get(eventId) ?? digest) !== digest) {
      faults.push({ index, eventId, errors: ['eventId: stands for other content earlier in this call'] });
      continue;
    }
    digests.set(eventId, digest);
    reports.push({ index, report: { ...parsed.report, eventId } });
  }
  return { reports, faults };
}

function parseLine(text: Buffer, line: number, onError: 'refuse' | 'skip'): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const reason = `line ${line}: not a JSON object that is accepted`;
    if (onError === 'skip') return new UnreadableLine(reason);
    throw new Refusal(400, error.message, { details: [reason] });
  }
}

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** The one refusal for invalid records: at most a hundred are listed, all are counted. */
export function invalidBatch(faults: readonly BatchFault[]): Refusal {
  return new Refusal(400, 'Invalid token usage record', {
    details: faults.flatMap(({ index, errors }) => errors.map((error) => `[${index}].${error}`)).slice(0, MAX_LISTED),
    errors: faults.slice(0, MAX_LISTED),
    errorCount: faults.length,
  });
}
