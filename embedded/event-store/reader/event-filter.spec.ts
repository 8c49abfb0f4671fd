import { describe, expect, it } from '@jest/globals';
import { GroupWriter } from '../storage/group-writer.js';
import { recordAt, type StoredRecord } from '../storage/record.js';
import { BadFilter, compileFilter } from './event-filter.js';

const recordOf = (stream: string, type: string): StoredRecord => {
  const writer = new GroupWriter({ end: 64, ordinal: 0 });
  const empty = Buffer.alloc(0);
  const event = { id: Buffer.alloc(16, 1), type, contentType: 'application/json', metadata: empty, data: empty };
  writer.add({ streamNo: 1, nameBytes: Buffer.from(stream) }, 0, event, 0);
  const [block] = writer.finish().blocks;
  return recordAt(block?.bytes ?? empty, 64, 0);
};

const byType = (regex: string, ...prefix: string[]): ReturnType<typeof compileFilter> =>
  compileFilter({
    subject: 'eventType',
    eventType: { regex, prefix },
    window: 'count',
    checkpointIntervalMultiplier: 3,
  });

describe('a filter', () => {
  it('takes any of its prefixes, byte by byte', () => {
    const filter = compileFilter({
      subject: 'streamIdentifier',
      streamIdentifier: { regex: '', prefix: ['tâche-', 'agent-'] },
      window: 'max',
      max: 10,
      checkpointIntervalMultiplier: 2,
    });
    expect(filter.matches(recordOf('tâche-1', 'T'))).toBe(true);
    expect(filter.matches(recordOf('agent-1', 'T'))).toBe(true);
    expect(filter.matches(recordOf('Agent-1', 'T'))).toBe(false);
    expect(filter.matches(recordOf('ag', 'T'))).toBe(false);
    expect(filter.checkpointEvery).toBe(20);
  });

  it('prefers its regular expression, which is not anchored', () => {
    const filter = byType('Claim', 'Nothing');
    expect(filter.matches(recordOf('s', 'TaskClaimed'))).toBe(true);
    expect(filter.matches(recordOf('s', 'TaskCreated'))).toBe(false);
    expect(filter.checkpointEvery).toBe(96);
    expect(byType('^[^$].*').matches(recordOf('$$s', '$metadata'))).toBe(false);
  });

  it('is refused when it cannot be used', () => {
    expect(() => byType('(')).toThrow(BadFilter);
    expect(() => byType('a'.repeat(5000))).toThrow(BadFilter);
    expect(() => byType('')).toThrow(BadFilter);
    expect(() => compileFilter({ checkpointIntervalMultiplier: 1 })).toThrow(BadFilter);
  });
});
