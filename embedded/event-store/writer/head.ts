import { metastreamMetadata, noMetadata, type StreamMetadata } from './stream-metadata.js';
import { isMetastream } from './stream-names.js';

/** All that deciding about a stream, and reading it, needs to know. A value: a change makes a new one. */
export interface Head {
  readonly name: string;
  /** 0: the stream was never written to. */
  readonly streamNo: number;
  /** Last revision, -1 when there never was an event. The tombstone does not count. */
  readonly last: number;
  /** Tombstoned, by itself or by the stream that it describes. */
  readonly isTombstoned: boolean;
  readonly metadata: StreamMetadata;
  /** Whether there is a metadata event, whatever it says. */
  readonly hasMetadata: boolean;
}

export const newHead = (name: string): Head => ({
  name,
  streamNo: 0,
  last: -1,
  isTombstoned: false,
  metadata: isMetastream(name) ? metastreamMetadata : noMetadata,
  hasMetadata: false,
});

export const isSoftDeleted = (head: Head): boolean => head.metadata.truncateBefore === Infinity;

/** The lowest revision that `$tb` and `$maxCount` leave visible. Infinity when the stream is soft-deleted. */
export const firstVisibleRevision = ({ metadata, last }: Head): number =>
  Math.max(metadata.truncateBefore, last - metadata.maxCount + 1, 0);
