/** How many ids a generation holds; the node remembers between one and two generations. */
const GENERATION_SIZE = 200_000;

/**
 * Which event ids were written lately, and as which revision of which stream (the key holds stream number and id).
 * For appends with `any` or `stream_exists` only: the other expectations compare with the stored events themselves.
 * Kept in memory, because an index of all ids on disk would cost every event a key in a tree of random keys; a real
 * server remembers only recent ids too. After a restart it is filled from the end of the log.
 */
export class RecentIds {
  private current = new Map<string, number>();
  private previous = new Map<string, number>();
  private readonly undo: { readonly identity: string; readonly before: number | undefined }[] = [];

  constructor(private readonly generationSize = GENERATION_SIZE) {}

  /** The revision that the event with this identity has, events of the undecided group included. */
  revisionOf(identity: string): number | undefined {
    return this.current.get(identity) ?? this.previous.get(identity);
  }

  /** Notes an event of the group that is being decided. */
  stage(identity: string, revision: number): void {
    this.undo.push({ identity, before: this.current.get(identity) });
    this.current.set(identity, revision);
  }

  /** The group is durable. */
  commit(): void {
    this.undo.length = 0;
    if (this.current.size < this.generationSize) return;
    this.previous = this.current;
    this.current = new Map();
  }

  /** The group was not written. */
  rollback(): void {
    for (const { identity, before } of this.undo.toReversed()) {
      if (before === undefined) this.current.delete(identity);
      else this.current.set(identity, before);
    }
    this.undo.length = 0;
  }
}

/** Stream number and event id as one map key; the same bytes as `StoredRecord.identity`. */
export const identityOf = (streamNo: number, id: Buffer): string => {
  const bytes = Buffer.allocUnsafe(20);
  bytes.writeUInt32LE(streamNo, 0);
  id.copy(bytes, 4);
  return bytes.toString('latin1');
};
