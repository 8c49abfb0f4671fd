import { describe, expect, it } from '@jest/globals';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { BeatHistory } from './beat-history.js';

const CONNECTION = '550e8400-e29b-41d4-a716-446655440000';
const BIRTH = Date.parse('2026-01-01T00:00:00Z');
const at = (second: number) => new Date(BIRTH + second * 1_000).toISOString();

function given() {
  const log = new ScriptedLog();
  const append = (stream: string, type: string, second: number, data: object) =>
    log.append(stream, [
      { id: `${stream}-${second}`, type, data, metadata: sampleMetadata({ recordedAt: at(second) }) },
    ]);
  const history = new BeatHistory(log);
  const until =
    (second: number) =>
    ({ metadata }: { metadata: { recordedAt: string } }) =>
      metadata.recordedAt <= at(second);
  return {
    beat: (agentId: number, second: number, shard = 3, lastActivity?: string) =>
      append(`heartbeat-${shard}`, 'HeartbeatReceived', second, {
        agentId,
        connectionId: null,
        epoch: null,
        ...(lastActivity === undefined ? {} : { lastActivity }),
      }),
    assigned: (second: number) => append(`connection-${CONNECTION}`, 'ConnectionAssigned', second, {}),
    summarised: (second: number, to: number) =>
      append(`connection-${CONNECTION}`, 'HeartbeatsSummarised', second, { to: at(to) }),
    beatsAsOf: async (agentId: number, second: number, since = 0) =>
      (await history.lastBeats(agentId, new Date(at(since)), until(second))).map(({ metadata }) => metadata.recordedAt),
    summarisedAsOf: (second: number) => history.summarisedUntil(CONNECTION, until(second)),
  };
}

describe('the beats of the past', () => {
  it('are those of one agent up to the moment, of every stream, newest first', async () => {
    const { beat, beatsAsOf } = given();
    for (let second = 1; second <= 20; second += 1) await beat(second % 2, second, second % 3);
    expect(await beatsAsOf(1, 8)).toEqual([at(7), at(5), at(3), at(1)]);
    expect(await beatsAsOf(0, 1)).toEqual([]);
    expect(await beatsAsOf(9, 20)).toEqual([]);
  });

  it('are looked at no further than a page that says what the agent does, nor from before it was there', async () => {
    const { beat, beatsAsOf } = given();
    for (let second = 1; second <= 1_200; second += 1)
      await beat(7, second, 0, second === 1_100 ? 'testing' : undefined);
    expect((await beatsAsOf(7, 1_150)).at(-1)).toBe(at(651));
    expect((await beatsAsOf(7, 1_050)).at(-1)).toBe(at(1));
    expect((await beatsAsOf(7, 1_050, 600)).at(-1)).toBe(at(551));
  });

  it('are looked at up to a limit: beyond it nothing is said', async () => {
    const { beat, beatsAsOf } = given();
    await beat(7, 0);
    for (let second = 1; second <= 2_000; second += 1) await beat(8, second);
    expect(await beatsAsOf(7, 1_999)).toEqual([at(0)]);
    expect(await beatsAsOf(7, 2_000)).toEqual([]);
  });

  it('are known from their summaries, as those were then', async () => {
    const { assigned, summarised, summarisedAsOf } = given();
    expect(await summarisedAsOf(0)).toBeUndefined();
    await assigned(1);
    await summarised(310, 300);
    await summarised(610, 600);
    expect(await summarisedAsOf(309)).toBeUndefined();
    expect(await summarisedAsOf(310)).toBe(at(300));
    expect(await summarisedAsOf(2_000)).toBe(at(600));
  });
});
