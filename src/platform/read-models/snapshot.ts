import type { QueryRunner } from 'typeorm';
import type { SqlReader } from '../../../projections/engine/index.js';

/** One moment of the data on a connection of its own, read-only, until {@link close}. */
export class Snapshot implements SqlReader {
  private isOpen = true;

  constructor(
    private readonly runner: QueryRunner,
    private readonly onClose: () => void,
  ) {}

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const rows: Row[] = await this.runner.query(text, [...values]);
    return rows;
  }

  /** All rows of one statement, however many, in pages: no more than one page is in memory. One at a time. */
  async *pages<Row extends object>(
    text: string,
    values: readonly unknown[],
    size: number,
  ): AsyncGenerator<readonly Row[], void, undefined> {
    await this.query(`declare pages no scroll cursor for ${text}`, values);
    for (;;) {
      const rows = await this.query<Row>(`fetch forward ${size} from pages`);
      if (rows.length > 0) yield rows;
      if (rows.length < size) break;
    }
    await this.query('close pages');
  }

  /** Gives the connection back. May be called again. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onClose();
    await this.runner.query('rollback').catch(() => undefined);
    await this.runner.release();
  }
}
