import { describe, expect, it } from '@jest/globals';
import { START, type AppendResult, type Position, type ReadPosition } from '@eventstore/db-client';
import { anEvent, appendRoutes, someEvents } from './events.js';
import { headOf, original, positionOf, readAllFrom, readEvents } from './reading.js';
import { eventStoreTarget } from './target.js';

const target = eventStoreTarget();

async function here(): Promise<Position | typeof START> {
  return (await headOf(target.client)) ?? START;
}

describe('positions', () => {
  it.each(appendRoutes)('answered by $route are those of the last event as it is read back', async ({ append }) => {
    const stream = target.stream();
    for (let n = 0; n < 5; n++) {
      const result = await append(target.client, stream, someEvents(n + 1), 'any');
      const last = (await readEvents(target.client, stream)).at(-1);
      expect(result.position).toEqual(last?.position);
      expect(result.position?.commit).toBe(result.position?.prepare);
    }
  });

  it('are the same from a stream read and from $all', async () => {
    const stream = target.stream();
    const from = await here();
    await target.client.appendToStream(stream, someEvents(10));
    const inStream = (await readEvents(target.client, stream)).map((event) => event.position);
    const inAll = (await readAllFrom(target.client, from, stream)).map((resolved) => original(resolved).position);
    expect(inAll).toEqual(inStream);
  });

  it('grow strictly in $all, one append stays together, and no answer lies, under concurrent writers', async () => {
    const from = await here();
    const writers = 16;
    const rounds = 12;
    const blocks = new Map<string, string[]>();
    const answers = new Map<string, AppendResult>();

    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const own = target.stream(`seam${writer}`);
        const common = `${target.prefix}-common`;
        for (let round = 0; round < rounds; round++) {
          const events = someEvents(1 + ((writer + round) % 4));
          const result = await appendRoutes[(writer + round) % 2 === 0 ? 0 : 1].append(
            target.client,
            round % 2 === 0 ? own : common,
            events,
            'any',
          );
          const last = events.at(-1)?.id ?? '';
          blocks.set(
            last,
            events.map((event) => event.id),
          );
          answers.set(last, result);
        }
      }),
    );

    const log = (await readAllFrom(target.client, from)).map((resolved) => original(resolved));
    for (let index = 1; index < log.length; index++) {
      expect(isLater(positionOf(log[index] ?? {}), positionOf(log[index - 1] ?? {}))).toBe(true);
    }
    const ours = log.filter((event) => event.streamId.startsWith(target.prefix));
    const ids = log.map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [last, block] of blocks) {
      const end = ids.indexOf(last);
      expect(ids.slice(end - block.length + 1, end + 1)).toEqual(block);
      expect(answers.get(last)?.position).toEqual(log[end]?.position);
      expect(answers.get(last)?.nextExpectedRevision).toBe(log[end]?.revision);
    }
    for (const events of grouped(ours).values()) {
      const first = events[0]?.revision ?? 0n;
      expect(events.map((event) => event.revision)).toEqual(events.map((_, index) => first + BigInt(index)));
    }
  });

  it('of an acknowledged append are readable at once, by every connection', async () => {
    const reader = target.anotherClient();
    for (let round = 0; round < 20; round++) {
      const event = anEvent();
      const { position } = await target.client.appendToStream(target.stream(), event);
      const from: ReadPosition = position ?? START;
      const found: string[] = [];
      for await (const resolved of reader.readAll({ fromPosition: from, maxCount: 1 }))
        found.push(original(resolved).id);
      expect(found).toEqual([event.id]);
    }
  });
});

function isLater(a: Position, b: Position): boolean {
  return a.commit === b.commit ? a.prepare > b.prepare : a.commit > b.commit;
}

function grouped<E extends { streamId: string }>(events: readonly E[]): Map<string, E[]> {
  const groups = new Map<string, E[]>();
  for (const event of events) groups.set(event.streamId, [...(groups.get(event.streamId) ?? []), event]);
  return groups;
}
