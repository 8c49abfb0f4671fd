import type { Position } from '../../platform/event-store/position.js';
import type { DeliveryOrder } from '../webhooks.events.js';
import { DueHeap } from './due-heap.js';
import { Fifo } from './fifo.js';

/** A message that is neither delivered nor dead. */
export interface OpenDelivery {
  readonly deliveryId: string;
  readonly eventId: string;
  readonly event: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly position: Position;
  readonly correlationId: string;
  readonly counts: boolean;
  /** What keeps its order in mode `key`. */
  readonly key: string;
  /** Made for the first attempt, and made again for later ones: those that wait for hours hold no body. */
  body: Buffer | undefined;
  /** Attempts made in this run. */
  attempts: number;
  /** When its next attempt is due, ms since 1970; 0: now. */
  dueAt: number;
  /** Revision of the stream of deliveries when it was taken from the log: its outcomes lie behind it. */
  readonly takenAt: bigint;
}

/** Never attempted ones that are held in memory; what comes after them stays in the log. */
const MOST_FRESH = 1_000;
/** Failed ones that wait for their next attempt. */
const MOST_WAITING = 20_000;

/**
 * What one run of an endpoint has in hand, in the order of the log, and whose turn it is. In `strict` order only the
 * oldest has a turn, in `key` order the oldest of each key.
 */
export class OpenDeliveries {
  private readonly open = new Map<string, OpenDelivery>();
  private readonly queues = new Map<string, OpenDelivery[]>();
  /** May hold some that are finished. */
  private readonly ready = new Fifo<OpenDelivery>();
  private readonly waiting = new DueHeap<OpenDelivery>();
  private readonly handedOut = new Set<OpenDelivery>();
  private fresh = 0;

  constructor(private readonly order: DeliveryOrder) {}

  get size(): number {
    return this.open.size;
  }

  /** No more is taken from the log for now. */
  get isFull(): boolean {
    return this.fresh >= MOST_FRESH || this.open.size >= MOST_WAITING;
  }

  /** There is room for a good stretch of the log again. */
  get hasRoom(): boolean {
    return this.fresh < MOST_FRESH / 2 && this.open.size < MOST_WAITING - MOST_FRESH / 2;
  }

  /** The oldest ones, in the order of the log. */
  oldest(most: number): readonly OpenDelivery[] {
    const oldest: OpenDelivery[] = [];
    for (const item of this.open.values()) {
      if (oldest.length === most) break;
      oldest.push(item);
    }
    return oldest;
  }

  /** One that is in hand and not handed out. */
  resting(deliveryId: string): OpenDelivery | undefined {
    const item = this.open.get(deliveryId);
    return item === undefined || this.handedOut.has(item) ? undefined : item;
  }

  /** In the order of the log. */
  add(item: OpenDelivery): void {
    if (this.open.has(item.deliveryId)) return;
    this.open.set(item.deliveryId, item);
    if (item.attempts === 0) this.fresh += 1;
    const lane = this.laneOf(item);
    if (lane !== undefined) {
      const queue = this.queues.get(lane) ?? [];
      queue.push(item);
      this.queues.set(lane, queue);
      if (queue.length > 1) return;
    }
    this.schedule(item);
  }

  /** Whose turn it is at `now`; it is handed out once, until {@link later}. */
  next(now: number): OpenDelivery | undefined {
    for (;;) {
      const due = this.waiting.takeDue(now);
      if (due === undefined) break;
      this.ready.push(due);
    }
    this.skipFinished();
    const item = this.ready.shift();
    if (item === undefined) return undefined;
    this.handedOut.add(item);
    if (item.attempts === 0) this.fresh -= 1;
    return item;
  }

  /** When somebody's turn comes; undefined: nobody waits. */
  get nextDue(): number | undefined {
    this.skipFinished();
    return this.ready.size > 0 ? 0 : this.waiting.next;
  }

  /** It failed, or could not be tried: its turn comes again. */
  later(item: OpenDelivery, dueAt: number): void {
    item.body = undefined;
    item.dueAt = dueAt;
    this.handedOut.delete(item);
    if (item.attempts === 0) this.fresh += 1;
    this.schedule(item);
  }

  /** Delivered or dead: the next of its lane has its turn. */
  finish(item: OpenDelivery): void {
    this.open.delete(item.deliveryId);
    if (!this.handedOut.delete(item) && item.attempts === 0) this.fresh -= 1;
    const lane = this.laneOf(item);
    const queue = lane === undefined ? undefined : this.queues.get(lane);
    if (lane === undefined || queue === undefined) return;
    const at = queue.indexOf(item);
    queue.splice(at, 1);
    const [head] = queue;
    if (head === undefined) this.queues.delete(lane);
    else if (at === 0) this.schedule(head);
  }

  /** Everybody's turn is now. */
  hurry(): void {
    for (const item of this.open.values()) if (!this.handedOut.has(item)) item.dueAt = 0;
    for (;;) {
      const item = this.waiting.takeDue(Infinity);
      if (item === undefined) break;
      this.ready.push(item);
    }
  }

  private schedule(item: OpenDelivery): void {
    if (item.dueAt === 0) this.ready.push(item);
    else this.waiting.put(item.dueAt, item);
  }

  private skipFinished(): void {
    for (let first = this.ready.first; first !== undefined; first = this.ready.first) {
      if (this.open.get(first.deliveryId) === first) return;
      this.ready.shift();
    }
  }

  private laneOf({ key }: OpenDelivery): string | undefined {
    if (this.order === 'none') return undefined;
    return this.order === 'strict' ? '' : key;
  }
}
