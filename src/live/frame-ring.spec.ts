import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../platform/event-store/position.js';
import { FrameRing, ringEntry } from './frame-ring.js';
import type { Frame } from './frames/frame.js';
import { CHUNK_BYTES, serveFromRing } from './ring-serving.js';
import { filterFor, readFilter } from './stream-filter.js';

const at = (n: number): Position => ({ commit: BigInt(n), prepare: BigInt(n) });
const idOf = ({ commit }: Position) => String(commit);

function frame(n: number, agentId = 1, filler = ''): Frame {
  return {
    position: at(n),
    type: 'agent.created',
    workspaceId: 1,
    agentIds: [agentId],
    agentNames: [],
    taskIds: [],
    forAdmins: false,
    recordedAtMs: n,
    json: JSON.stringify({ n, filler }),
  };
}

const everything = filterFor(readFilter({}), { workspaceId: 1, role: 'viewer' });
const agentTwo = filterFor(readFilter({ agent: '2' }), { workspaceId: 1, role: 'viewer' });

describe('the ring', () => {
  it('holds every frame between its floor and what it has considered, whatever is added', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 }), { maxLength: 10 }),
        (size, batches) => {
          const ring = new FrameRing({ entries: size, bytes: 1_000_000 });
          ring.begin(BEFORE_EVERYTHING);
          const all: Position[] = [];
          let last = 0;
          for (const steps of batches) {
            const frames = steps.map((step) => frame((last += step)));
            all.push(...frames.map(({ position }) => position));
            ring.add(
              frames.map((each) => ringEntry(each, idOf)),
              at((last += 1)),
            );
            const held = Array.from(
              { length: ring.next - ring.first },
              (_, i) => ring.at(ring.first + i).frame.position,
            );
            expect(held).toEqual(all.filter((position) => isAfter(position, ring.floor)));
            for (const cursor of [ring.floor, ring.considered, ...held]) {
              const expected = all.filter((position) => isAfter(position, cursor));
              const rest = all.length - expected.length;
              expect(ring.sequenceAfter(cursor)).toBe(rest);
            }
          }
        },
      ),
    );
  });

  it('stays within its bytes', () => {
    const ring = new FrameRing({ entries: 1_000, bytes: 20_000 });
    ring.begin(BEFORE_EVERYTHING);
    for (let n = 1; n <= 200; n++) {
      ring.add([ringEntry(frame(n, 1, 'x'.repeat(500)), idOf)], at(n));
      expect(ring.bytes).toBeLessThanOrEqual(20_000);
    }
    expect(ring.next - ring.first).toBeGreaterThan(5);
    expect(ring.floor).toEqual(at(ring.first));
  });

  it('shares the bytes of a frame among all listeners', () => {
    const entry = ringEntry(frame(1), idOf);
    expect(entry.block(false)).toBe(entry.block(false));
    expect(entry.block(true)).toBe(entry.block(true));
  });
});

describe('serving from the ring', () => {
  function ringOf(frames: readonly Frame[], considered: number): FrameRing {
    const ring = new FrameRing();
    ring.begin(BEFORE_EVERYTHING);
    ring.add(
      frames.map((each) => ringEntry(each, idOf)),
      at(considered),
    );
    return ring;
  }

  it('joins what is shown, counts what is hidden, and says how far it looked', () => {
    const ring = ringOf([frame(1, 1), frame(2, 2), frame(3, 2), frame(4, 1)], 9);
    const serving = serveFromRing(ring, agentTwo, 0);
    expect(serving).toMatchObject({ frames: 2, looked: 4, hiddenAfter: 1, next: 4, complete: true });
    expect(serving.considered).toEqual(at(9));
    expect(serving.lastShown).toEqual(at(3));
    expect(serving.chunk?.toString().match(/^id: \d+$/gm)).toEqual(['id: 2', 'id: 3']);
  });

  it('gives chunks of bounded size that end at a block’s end and together show everything once', () => {
    const frames = Array.from({ length: 300 }, (_, n) => frame(n + 1, 1, 'x'.repeat(n % 7 === 0 ? 70_000 : 900)));
    const ring = ringOf(frames, 301);
    const ids: string[] = [];
    let sequence = 0;
    for (let guard = 0; sequence < ring.next && guard < 1_000; guard++) {
      const serving = serveFromRing(ring, everything, sequence);
      const text = serving.chunk?.toString() ?? '';
      expect(text.endsWith('\n\n')).toBe(true);
      if (serving.frames > 1) expect(text.length).toBeLessThanOrEqual(CHUNK_BYTES);
      ids.push(...(text.match(/^id: \d+$/gm) ?? []));
      expect(serving.considered).toEqual(serving.complete ? at(301) : at(serving.next));
      sequence = serving.next;
    }
    expect(ids).toEqual(frames.map(({ position }) => `id: ${position.commit}`));
  });

  it('looks at a bounded number of facts for a filter that shows none', () => {
    const ring = ringOf(
      Array.from({ length: 5_000 }, (_, n) => frame(n + 1, 1)),
      5_000,
    );
    const serving = serveFromRing(ring, agentTwo, 0);
    expect(serving.chunk).toBeUndefined();
    expect(serving.complete).toBe(false);
    expect(serving.considered).toEqual(at(serving.next));
  });
});
