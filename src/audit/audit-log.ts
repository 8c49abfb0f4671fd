import { isReadable, type EventStore, type LogEntry } from '../platform/event-store/event-store.js';
import type { LogGeneration } from '../platform/event-store/log-generation.js';
import { BEFORE_EVERYTHING, type Position } from '../platform/event-store/position.js';
import { positionText } from '../platform/event-store/position-text.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { unavailable } from '../platform/http/errors.js';
import type { LogTail } from '../platform/log-tail/log-tail.js';
import { matchesAudit } from './audit-match.js';
import type { AuditQuery } from './audit-query.js';
import { auditRecord, type AuditRecord } from './audit-record.js';
import { auditPages } from './audit-source.js';

export interface AuditPage {
  readonly events: readonly AuditRecord[];
  /** The next `from`; null: the log holds nothing more. */
  readonly next: string | null;
  readonly head: string;
}

/** What one page may cost: a narrow filter over a long log answers with the `next` to go on from. */
export interface PageBudget {
  readonly entries: number;
  readonly ms: number;
  readonly bytes: number;
}

const BUDGET: PageBudget = { entries: 50_000, ms: 5_000, bytes: 16 * 1024 * 1024 };
/** How long a question waits for the tail to have come as far as the log was when it was asked. */
const HEAD_WAIT_MS = 300;
const AT_LEAST_WAIT_MS = 2_000;
const LINES_BYTES = 64 * 1024;

/** The history of a workspace, straight from the log. */
export class AuditLog {
  constructor(
    private readonly store: EventStore,
    private readonly tail: LogTail,
    private readonly generation: LogGeneration,
    private readonly budget: PageBudget = BUDGET,
  ) {}

  /** Waits (2 s) until the log, as this process sees it, has come as far as `position`. */
  reaches(position: Position): Promise<boolean> {
    return this.tail.waitFor(position, AT_LEAST_WAIT_MS);
  }

  /** One page of at most `query.limit` facts. */
  async page(query: AuditQuery, workspaceId: number): Promise<AuditPage> {
    const head = await this.#head();
    const endsAt = performance.now() + this.budget.ms;
    const limit = query.limit ?? Infinity;
    const events: AuditRecord[] = [];
    let looked = 0;
    let bytes = 0;
    const answer = (next: Position | null): AuditPage => ({
      events,
      next: next === null ? null : this.#text(next),
      head: this.#text(head),
    });
    for await (const page of auditPages(this.store, query, head)) {
      for (const event of matching(page.entries, query, workspaceId)) {
        const record = auditRecord(event, this.generation.current);
        events.push(record);
        bytes += JSON.stringify(record.data).length;
        if (events.length >= limit || bytes >= this.budget.bytes) return answer(event.position);
      }
      looked += page.entries.length;
      if (looked >= this.budget.entries || performance.now() >= endsAt) return answer(page.upTo);
    }
    return answer(null);
  }

  /**
   * All of it as NDJSON, one fact a line, in chunks; the last line says that it is the last. Reads on only as fast as it
   * is read. Ends early, without that line, when the store goes away.
   */
  async *lines(query: AuditQuery, workspaceId: number): AsyncGenerator<string, void, void> {
    const head = await this.#head();
    const limit = query.limit ?? Infinity;
    let count = 0;
    let next = query.from ?? BEFORE_EVERYTHING;
    let chunk = '';
    scan: for await (const page of auditPages(this.store, query, head)) {
      for (const event of matching(page.entries, query, workspaceId)) {
        chunk += `${JSON.stringify(auditRecord(event, this.generation.current))}\n`;
        count += 1;
        next = event.position;
        if (count >= limit) break scan;
        if (chunk.length < LINES_BYTES) continue;
        yield chunk;
        chunk = '';
      }
      next = page.upTo;
    }
    yield `${chunk}${JSON.stringify({ end: true, count, next: this.#text(next) })}\n`;
  }

  /** The tail's place, once it has come as far as the log is now: what was answered before is in the history. */
  async #head(): Promise<Position> {
    const head = await this.store.head();
    if (head !== undefined) await this.tail.waitFor(head, HEAD_WAIT_MS);
    if (this.tail.beginning === undefined) throw unavailable('The event store is not available');
    return this.tail.position;
  }

  #text(position: Position): string {
    return positionText(position, this.generation.current);
  }
}

function matching(entries: readonly LogEntry[], query: AuditQuery, workspaceId: number): readonly StoredEvent[] {
  return entries.filter(isReadable).filter((event) => matchesAudit(event, query, workspaceId));
}
