/** Runs one statement. Rejects when the database is away. */
export interface SqlExecutor {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * A table that is no read model: no rebuild makes it, no comparison looks at it, so no migration does. It is made by the
 * first process that needs it; `create` is its `create … if not exists`.
 */
export class OperationalTable {
  private made: Promise<void> | undefined;

  constructor(
    private readonly sql: SqlExecutor,
    private readonly create: string,
  ) {}

  /** Resolves when the table is there. Rejects when the database is away; the next call tries again. */
  ready(): Promise<void> {
    this.made ??= this.make().catch((error: unknown) => {
      this.made = undefined;
      throw error;
    });
    return this.made;
  }

  private async make(): Promise<void> {
    try {
      await this.sql.query(this.create);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }
}

/** `create … if not exists` in two sessions at once: the second may still trip over the catalogue's unique index. */
function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '23505' || error.code === '42P07');
}
