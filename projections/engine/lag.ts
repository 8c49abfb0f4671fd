import { isAfter, type Position } from '../../src/platform/event-store/position.js';
import type { Checkpoint } from './checkpoint.js';

/**
 * How many events lie between a checkpoint and the head. What the reader has passed is counted; what it has not read
 * yet is estimated by the density of the log so far, because positions may be byte offsets. Never 0 while the head lies
 * after both.
 */
export function lagEvents(checkpoint: Checkpoint, read: Checkpoint | undefined, head: Position | undefined): bigint {
  const counted = Math.max(0, (read?.ordinal ?? 0) - checkpoint.ordinal);
  if (head === undefined || !isAfter(head, checkpoint.position)) return BigInt(counted);
  const reached = read !== undefined && isAfter(read.position, checkpoint.position) ? read : checkpoint;
  if (!isAfter(head, reached.position)) return BigInt(counted);
  return BigInt(counted) + unread(reached, head);
}

function unread(reached: Checkpoint, head: Position): bigint {
  const distance = head.commit - reached.position.commit;
  const estimate =
    reached.position.commit > 0n ? (distance * BigInt(reached.ordinal)) / (reached.position.commit + 1n) : 0n;
  return estimate > 0n ? estimate : 1n;
}
