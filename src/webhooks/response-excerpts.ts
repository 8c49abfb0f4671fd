import { isTransient } from '../../projections/engine/index.js';
import { Database } from '../platform/read-models/database.js';

export interface Excerpt {
  /** Id of the event of the attempt. */
  readonly eventId: string;
  readonly text: string;
}

/**
 * What receivers answered, for 30 days. No read model and no fact: it is foreign text and may echo secrets, so it stays out
 * of the log, and a rebuild does not know it.
 */
const CREATE = `
  create table if not exists webhook_response (
    event_id uuid primary key,
    body text not null,
    kept_at timestamptz not null default clock_timestamp()
  );
  create index if not exists webhook_response_age on webhook_response (kept_at);`;
const KEEP = `
  insert into webhook_response (event_id, body)
  select * from unnest($1::uuid[], $2::text[])
  on conflict (event_id) do nothing`;
const FORGET = `delete from webhook_response where kept_at < clock_timestamp() - interval '30 days'`;

const FORGET_EVERY_MS = 3_600_000;
const WRITE_AFTER_MS = 100;
const MOST_HELD = 1_000;

/** Best effort: a lost excerpt harms nobody. */
export class ResponseExcerpts {
  private held: Excerpt[] = [];
  private timer: NodeJS.Timeout | undefined;
  private created: Promise<unknown> | undefined;
  private forgottenAt = 0;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly database: Database) {}

  note(excerpt: Excerpt): void {
    if (excerpt.text === '' || this.held.length >= MOST_HELD) return;
    this.held.push({ ...excerpt, text: excerpt.text.replaceAll('\0', '\uFFFD') });
    this.timer ??= setTimeout(() => {
      this.writing = this.flush();
    }, WRITE_AFTER_MS);
  }

  async of(eventIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.ready();
    const rows = await this.database.query<{ event_id: string; body: string }>(
      'select event_id, body from webhook_response where event_id = any($1::uuid[])',
      [eventIds],
    );
    return new Map(rows.map((row) => [row.event_id, row.body]));
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.writing;
    await this.flush();
  }

  private async flush(): Promise<void> {
    this.timer = undefined;
    const batch = this.held.splice(0);
    if (batch.length === 0) return;
    try {
      await this.ready();
      await this.database.query(KEEP, [batch.map(({ eventId }) => eventId), batch.map(({ text }) => text)]);
      if (performance.now() - this.forgottenAt < FORGET_EVERY_MS && this.forgottenAt > 0) return;
      this.forgottenAt = performance.now();
      await this.database.query(FORGET);
    } catch {
      // The database is away: these excerpts are not kept.
    }
  }

  private ready(): Promise<unknown> {
    this.created ??= this.database.query(CREATE).catch((error: unknown) => {
      this.created = undefined;
      if (isTransient(error)) throw error;
      // Two processes made it at once: it is there.
      return [];
    });
    return this.created;
  }
}
