import { describe, expect, it } from '@jest/globals';
import { Refusal } from '../platform/http/errors.js';
import type { Role } from '../platform/auth/principal.js';
import type { Frame } from './frames/frame.js';
import { filterFor, readFilter } from './stream-filter.js';

const frame: Frame = {
  position: { commit: 1n, prepare: 1n },
  type: 'agent.status_changed',
  workspaceId: 1,
  agentIds: [42],
  agentNames: ['build-bot'],
  taskIds: [7],
  forAdmins: false,
  recordedAtMs: 0,
  json: '{}',
};

const shows = (
  query: Record<string, unknown>,
  rights: { workspaceId: number; agentId?: number; role?: Role } = { workspaceId: 1 },
  fact: Frame = frame,
) => filterFor(readFilter(query), { role: 'viewer', ...rights }).shows(fact);

describe('a filter', () => {
  it.each([
    [{}, true],
    [{ types: 'agent' }, true],
    [{ types: 'agent.status_changed' }, true],
    [{ types: 'agent.status' }, false],
    [{ types: 'agents' }, false],
    [{ types: 'task,agent' }, true],
    [{ types: ['task', 'agent'] }, true],
    [{ types: 'never.heard_of' }, false],
    [{ agent: '42' }, true],
    [{ agent: 'build-bot' }, true],
    [{ agent: 'Build-Bot' }, false],
    [{ agent: '1,build-bot' }, true],
    [{ agent: '1' }, false],
    [{ task: '7' }, true],
    [{ task: ['8', '7'] }, true],
    [{ task: '8' }, false],
    [{ types: 'agent', agent: '42', task: '8' }, false],
    [{ types: 'agent', agent: '42', task: '7' }, true],
  ])('%j shows the fact: %s', (query, expected) => {
    expect(shows(query)).toBe(expected);
  });

  it('never shows another workspace, nor to an agent key another agent', () => {
    expect(shows({}, { workspaceId: 2 })).toBe(false);
    expect(shows({ agent: '42' }, { workspaceId: 1, agentId: 1 })).toBe(false);
    expect(shows({}, { workspaceId: 1, agentId: 42 })).toBe(true);
  });

  it('shows what is for admins to admins alone', () => {
    const secret = { ...frame, forAdmins: true };
    expect(shows({}, { workspaceId: 1, role: 'operator' }, secret)).toBe(false);
    expect(shows({}, { workspaceId: 1, role: 'admin' }, secret)).toBe(true);
  });

  it('is shared by who asks for the same in another order, and by nobody else', () => {
    const key = (query: Record<string, unknown>, agentId?: number) =>
      filterFor(readFilter(query), { workspaceId: 1, role: 'viewer', ...(agentId === undefined ? {} : { agentId }) })
        .key;
    expect(key({ types: 'b,a,a' })).toBe(key({ types: ['a', 'b'] }));
    expect(new Set([key({}), key({ types: 'a' }), key({ agent: 'a' }), key({ named: '1' }), key({}, 1)]).size).toBe(5);
  });

  it.each([
    { types: '' },
    { types: 'a,,b' },
    { types: 'Agent' },
    { types: 'agent.' },
    { types: 'a b' },
    { types: { a: 1 } },
    { types: Array.from({ length: 51 }, (_, i) => `t${i}`) },
    { agent: '' },
    { agent: 'x'.repeat(101) },
    { task: '0' },
    { task: '1.5' },
    { task: '99999999999999999999' },
    { named: 'yes' },
    { named: ['1', '0'] },
  ])('refuses %j', (query) => {
    expect(() => readFilter(query)).toThrow(Refusal);
  });
});
