import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { DeliveryOrder } from '../webhooks.events.js';
import { OpenDeliveries, type OpenDelivery } from './open-deliveries.js';

const NOW = 1_000;

function item(id: number, more: Partial<OpenDelivery> = {}): OpenDelivery {
  return {
    deliveryId: `d${id}`,
    eventId: `e${id}`,
    event: 'task.created',
    stream: 'task-1',
    revision: BigInt(id),
    position: { commit: BigInt(id), prepare: BigInt(id) },
    correlationId: 'c',
    counts: true,
    key: `task ${id % 3}`,
    body: undefined,
    attempts: 0,
    dueAt: 0,
    takenAt: -1n,
    ...more,
  };
}

function filled(order: DeliveryOrder, count: number) {
  const open = new OpenDeliveries(order);
  const items = Array.from({ length: count }, (_, index) => item(index));
  for (const each of items) open.add(each);
  return { open, items };
}

function takeAll(open: OpenDeliveries, now = NOW): OpenDelivery[] {
  const taken: OpenDelivery[] = [];
  for (let next = open.next(now); next !== undefined; next = open.next(now)) taken.push(next);
  return taken;
}

describe('open deliveries', () => {
  it('without order have their turn all at once, those that failed when they are due', () => {
    const { open, items } = filled('none', 4);
    expect(takeAll(open)).toEqual(items);
    const [first, second] = items as [OpenDelivery, OpenDelivery];
    open.later(first, NOW + 5);
    open.later(second, NOW + 3);
    expect(takeAll(open)).toEqual([]);
    expect(open.nextDue).toBe(NOW + 3);
    expect(takeAll(open, NOW + 9)).toEqual([second, first]);
  });

  it('in strict order wait for the one before, in key order for the one of their key', () => {
    const strict = filled('strict', 3);
    expect(takeAll(strict.open).map(({ deliveryId }) => deliveryId)).toEqual(['d0']);
    strict.open.finish(strict.items[0] as OpenDelivery);
    expect(takeAll(strict.open).map(({ deliveryId }) => deliveryId)).toEqual(['d1']);
    const keyed = filled('key', 6);
    expect(takeAll(keyed.open).map(({ deliveryId }) => deliveryId)).toEqual(['d0', 'd1', 'd2']);
    keyed.open.finish(keyed.items[1] as OpenDelivery);
    expect(takeAll(keyed.open).map(({ deliveryId }) => deliveryId)).toEqual(['d4']);
  });

  it('that somebody else finished have no turn, and hold nobody back', () => {
    const { open, items } = filled('strict', 4);
    const [head, second, third, fourth] = items as [OpenDelivery, OpenDelivery, OpenDelivery, OpenDelivery];
    expect(open.next(NOW)).toBe(head);
    expect(open.resting(head.deliveryId)).toBeUndefined();
    open.later(head, NOW + 1_000);
    expect(open.resting(head.deliveryId)).toBe(head);
    open.finish(third);
    open.finish(head);
    expect(takeAll(open)).toEqual([second]);
    open.finish(second);
    expect(takeAll(open)).toEqual([fourth]);
    expect(open.size).toBe(1);
  });

  it('all have their turn when they are hurried', () => {
    const { open, items } = filled('none', 3);
    for (const each of takeAll(open)) open.later(each, NOW + 10_000);
    open.hurry();
    expect(new Set(takeAll(open))).toEqual(new Set(items));
  });

  it('are full at a thousand fresh ones, and have room again at half of it', () => {
    const { open } = filled('none', 1_000);
    expect(open.isFull).toBe(true);
    for (let taken = 0; taken < 501; taken += 1) open.next(NOW);
    expect([open.isFull, open.hasRoom]).toEqual([false, true]);
  });

  it('keep every lane in order and lose none, whatever fails and whoever finishes them', () => {
    const step = fc.tuple(fc.constantFrom('send', 'fail', 'settle'), fc.nat(20));
    fc.assert(
      fc.property(
        fc.constantFrom<DeliveryOrder>('none', 'key', 'strict'),
        fc.array(step, { maxLength: 80 }),
        (order, steps) => {
          const { open, items } = filled(order, 20);
          const finished: string[] = [];
          const settled = new Set<string>();
          let now = NOW;
          const run = (what: string, pick: number) => {
            now += 1;
            if (what === 'settle') {
              const other = open.resting(`d${pick}`);
              if (other === undefined) return;
              settled.add(other.deliveryId);
              open.finish(other);
              return;
            }
            const next = open.next(now);
            if (next === undefined) return;
            if (what === 'fail') {
              next.attempts += 1;
              open.later(next, now + pick);
            } else {
              finished.push(next.deliveryId);
              open.finish(next);
            }
          };
          for (const [what, pick] of steps) run(what, pick);
          for (let rest = 0; rest < 60; rest += 1) run('send', 0);
          expect(open.size).toBe(0);
          expect(new Set([...finished, ...settled]).size).toBe(items.length);
          expect(finished.length + settled.size).toBe(items.length);
          const laneOf = (id: string) => (order === 'strict' ? 0 : Number(id.slice(1)) % 3);
          if (order === 'none') return;
          for (const lane of [0, 1, 2]) {
            const own = finished.filter((id) => laneOf(id) === lane).map((id) => Number(id.slice(1)));
            expect(own).toEqual(own.toSorted((a, b) => a - b));
          }
        },
      ),
    );
  });
});
