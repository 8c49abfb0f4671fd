import type { EncodedGroup, LogBlock, Run } from './group-writer.js';

/** The first event lies here: no event has position 0, so that "after 0" means "from the first". */
export const LOG_START = 64;

/** How far a log reaches: what the next group continues from. */
export interface LogEnd {
  /** Position behind the last record; the position of the next event. */
  readonly end: number;
  /** Number of events in the log. */
  readonly ordinal: number;
  readonly lastPosition: number;
  readonly digest: number;
  /** Number that the next new stream gets. */
  readonly nextStreamNo: number;
}

/**
 * Where a node keeps its log. Reads see only what `commit` has made durable.
 * Another storage is another implementation of this interface.
 */
export interface EventStorage {
  readonly logEnd: LogEnd;

  /**
   * Makes the whole group durable, or nothing of it. Resolves after the disk has confirmed it.
   * One commit at a time.
   * @throws CommitFailed; nothing of the group is visible then
   */
  commit(group: EncodedGroup): Promise<void>;

  /** The block that begins exactly at `base`. */
  blockAt(base: number): LogBlock | undefined;

  /** The block with the greatest base that is not above `position`. */
  blockContaining(position: number): LogBlock | undefined;

  streamNumberOf(streamName: string): number | undefined;

  /** The run of the stream with the greatest first revision that is not above `revision`. */
  runAt(streamNo: number, revision: number): Run | undefined;

  close(): Promise<void>;
}

/** The storage did not take a group. `isDiskFull` says that it may take one again when space is freed. */
export class CommitFailed extends Error {
  readonly isDiskFull: boolean;

  constructor(cause: unknown, isDiskFull = false) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The event log could not be written: ${isDiskFull ? 'the disk is full' : reason}`, { cause });
    this.name = 'CommitFailed';
    this.isDiskFull = isDiskFull || /ENOSPC|no space left|MDB_MAP_FULL|disk quota/i.test(reason);
  }
}
