import { describe, expect, it } from '@jest/globals';
import type { Entry, State } from '../driver/ledger.js';
import { beat, connect, type Operation, tokens } from '../driver/operation.js';
import { Random } from '../random.js';
import { checkStore } from './store.js';
import type { LogEvent } from './stored-log.js';

const connectionId = '550e8400-e29b-41d4-a716-446655440000';
const report = tokens('op-3', 0, new Random('spec'));
const operations = [connect('op-1', 0), beat('op-2', 0, connectionId), report];

const entry = (operation: Operation, state: State = 'acked', attempts = 1): Entry => ({
  operation,
  state,
  attempts,
  status: undefined,
  position: undefined,
  connectionId,
});

const event = (position: number, stream: string, revision: number, type: string, data: LogEvent['data']): LogEvent => ({
  stream,
  revision: BigInt(revision),
  commit: BigInt(position),
  prepare: BigInt(position),
  id: `event-${position}`,
  type,
  data,
});

const opened = (position: number) =>
  event(position, 'agent-1', 0, 'ConnectionOpened', { toolName: 'op-1', connectionId });
const beaten = (position: number, revision = 0) =>
  event(position, 'heartbeat-1', revision, 'HeartbeatReceived', { lastActivity: 'op-2' });
const reported = (position: number, revision = 0) =>
  event(position, 'usage-1', revision, 'TokenUsageReported', { ...report.usage[0] });

const wordsOf = (log: readonly LogEvent[], ledger: readonly Entry[]) => checkStore(log, ledger).map(({ word }) => word);
const acked = operations.map((operation) => entry(operation));

describe('the oracle of the store', () => {
  it('has nothing to say when the log is what was acknowledged', () => {
    expect(checkStore([opened(1), beaten(2), reported(3)], acked)).toEqual([]);
  });

  it('calls lost what was acknowledged and is not there', () => {
    expect(wordsOf([opened(1), reported(3)], acked)).toEqual(['lost']);
  });

  it('calls lost what is stored with another content', () => {
    const altered = event(3, 'usage-1', 0, 'TokenUsageReported', { ...report.usage[0], inputTokens: -1 });
    expect(wordsOf([opened(1), beaten(2), altered], acked)).toEqual(['lost']);
  });

  it('calls duplicated what is stored twice, unless it is a beat that was sent twice', () => {
    expect(wordsOf([opened(1), beaten(2), reported(3), reported(4, 1)], acked)).toEqual(['duplicated']);
    const twice = operations.map((operation) => entry(operation, 'acked', 2));
    expect(wordsOf([opened(1), beaten(2), beaten(3, 1), reported(4)], twice)).toEqual([]);
    expect(wordsOf([opened(1), beaten(2), beaten(3, 1), reported(4)], acked)).toEqual(['duplicated']);
  });

  it('calls duplicated what was refused and is stored, and what nobody sent', () => {
    const refused = operations.map((operation) => entry(operation, operation === report ? 'refused' : 'acked'));
    expect(wordsOf([opened(1), beaten(2), reported(3)], refused)).toEqual(['duplicated']);
    expect(wordsOf([opened(1), beaten(2), reported(3)], acked.slice(0, 2))).toEqual(['duplicated']);
  });

  it('calls a gap a missing revision and a client whose operations changed places', () => {
    expect(wordsOf([opened(1), beaten(2, 1), reported(3)], acked)).toEqual(['gap']);
    expect(wordsOf([opened(1), reported(2), beaten(3)], acked)).toEqual(['gap']);
  });

  it('does not let an operation rest without an outcome', () => {
    const open = operations.map((operation) => entry(operation, operation === report ? 'unknown' : 'acked'));
    expect(wordsOf([opened(1), beaten(2)], open)).toEqual(['unwell']);
  });
});
