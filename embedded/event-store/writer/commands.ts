import type { EventToWrite } from '../storage/group-writer.js';

/** What a writer expects of the stream: a revision (u64, beyond safe integers too) or a word. */
export type ExpectedRevision = 'any' | 'no_stream' | 'stream_exists' | bigint;

export type WriteCommand =
  | {
      readonly kind: 'append';
      readonly stream: string;
      readonly expected: ExpectedRevision;
      readonly events: readonly EventToWrite[];
    }
  | { readonly kind: 'delete' | 'tombstone'; readonly stream: string; readonly expected: ExpectedRevision };

export type WriteOutcome =
  /** Durable now, or already before (a repeated append). Revision and position are those of the last event. */
  | { readonly kind: 'written'; readonly revision: number; readonly position: number }
  /** An append of no events. Revision -1: the stream has none. */
  | { readonly kind: 'nothing-to-write'; readonly revision: number }
  /** Revision -1: the stream has no events. */
  | { readonly kind: 'wrong-version'; readonly current: number }
  | { readonly kind: 'stream-deleted' }
  /** Past its deadline. It was not written, unless it was already on its way to the disk. */
  | { readonly kind: 'timed-out' }
  /** Not written, and not because of what was asked. */
  | { readonly kind: 'failed'; readonly reason: string };
