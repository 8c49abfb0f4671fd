import type { Position } from '../../platform/event-store/position.js';
import type { DeliveryOrder } from '../webhooks.events.js';
import { DueHeap } from './due-heap.js';

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
  /** The delivery's stream must be looked at before an attempt: somebody else may have written there. */
  unsure: boolean;
  /** Revision of the delivery's stream; -1: it has none. */
  seen: bigint;
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
  private ready: OpenDelivery[] = [];
  private waiting = new DueHeap<OpenDelivery>();
  /** When those that wait behind another one of their lane are due. */
  private readonly dueLater = new Map<string, number>();
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

  /** In the order of the log. `dueAt`: ms since 1970; 0: now. */
  add(item: OpenDelivery, dueAt: number): void {
    if (this.open.has(item.deliveryId)) return;
    this.open.set(item.deliveryId, item);
    if (item.attempts === 0) this.fresh += 1;
    const lane = this.laneOf(item);
    if (lane !== undefined) {
      const queue = this.queues.get(lane) ?? [];
      queue.push(item);
      this.queues.set(lane, queue);
      if (queue.length > 1) {
        this.dueLater.set(item.deliveryId, dueAt);
        return;
      }
    }
    this.schedule(item, dueAt);
  }

  /** Whose turn it is at `now`; it is handed out once, until {@link later}. */
  next(now: number): OpenDelivery | undefined {
    for (;;) {
      const due = this.waiting.takeDue(now);
      if (due === undefined) break;
      this.ready.push(due);
    }
    const item = this.ready.shift();
    if (item !== undefined && item.attempts === 0) this.fresh -= 1;
    return item;
  }

  /** When somebody's turn comes; undefined: nobody waits. */
  get nextDue(): number | undefined {
    return this.ready.length > 0 ? 0 : this.waiting.next;
  }

  /** It failed, or could not be tried: its turn comes again. */
  later(item: OpenDelivery, dueAt: number): void {
    item.body = undefined;
    if (item.attempts === 0) this.fresh += 1;
    this.schedule(item, dueAt);
  }

  /** Delivered or dead: the next of its lane has its turn. */
  finish(item: OpenDelivery): void {
    this.open.delete(item.deliveryId);
    const lane = this.laneOf(item);
    if (lane === undefined) return;
    const queue = this.queues.get(lane);
    queue?.shift();
    const [head] = queue ?? [];
    if (head === undefined) {
      this.queues.delete(lane);
      return;
    }
    const dueAt = this.dueLater.get(head.deliveryId) ?? 0;
    this.dueLater.delete(head.deliveryId);
    this.schedule(head, dueAt);
  }

  /** Everybody's turn is now. */
  hurry(): void {
    for (;;) {
      const item = this.waiting.takeDue(Infinity);
      if (item === undefined) break;
      this.ready.push(item);
    }
    this.dueLater.clear();
  }

  private schedule(item: OpenDelivery, dueAt: number): void {
    if (dueAt === 0) this.ready.push(item);
    else this.waiting.put(dueAt, item);
  }

  private laneOf({ key }: OpenDelivery): string | undefined {
    if (this.order === 'none') return undefined;
    return this.order === 'strict' ? '' : key;
  }
}
