import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import { SseParser, type SseEvent } from '../../../test/support/sse-client.js';
import { allEventContracts } from '../../all.events.js';
import type { StoredEvent } from '../../platform/event-store/stored-event.js';
import { eventBlock, namedEventBlock } from '../sse-blocks.js';
import { allFrameMappings, frameOf } from './all.frames.js';
import { frameFunction } from './frame.js';

function stored(type: string, data: object, metadata = sampleMetadata()): StoredEvent {
  const position = { commit: 30n, prepare: 30n };
  return { position, stream: 's', revision: 0n, id: 'e', type, data, metadata, createdAt: new Date(0) };
}

const profile = { role: 'developer', sessionKey: 'secret-session', soulContent: 'soul', config: {}, runtimeType: null };
const connectionId = '550e8400-e29b-41d4-a716-446655440000';
const usage = {
  id: '11111111-1111-5111-8111-111111111111',
  eventId: 'run-81-1',
  model: 'claude-sonnet-4',
  sessionId: 'build-bot:cli',
  agentName: 'build-bot',
  agentId: 42,
  operation: 'heartbeat',
  timestamp: 1_767_225_600_000,
  taskId: 7,
  inputTokens: 1500,
  outputTokens: 800,
  cacheReadTokens: 40_000,
  cacheWriteTokens: 1,
  reportedCostUsd: '1.5',
  contentDigest: 'd',
};

/** The table of the contract, section 18. */
const table: readonly (readonly [string, object, string, object])[] = [
  [
    'AgentRegistered',
    { agentId: 42, name: 'build-bot', status: 'online', source: 'connect', profile },
    'agent.created',
    { id: 42, name: 'build-bot', role: 'developer', status: 'online' },
  ],
  [
    'AgentRenamed',
    { agentId: 42, name: 'build-bot', previousName: 'bob' },
    'agent.updated',
    { id: 42, name: 'build-bot', previous_name: 'bob', changes: ['name'] },
  ],
  [
    'AgentReconfigured',
    { agentId: 42, name: 'build-bot', changes: { role: 'tester', soulContent: 'private', lastActivity: 'x' } },
    'agent.updated',
    { id: 42, name: 'build-bot', role: 'tester', changes: ['role', 'soul_content', 'last_activity'] },
  ],
  [
    'AgentStatusChanged',
    {
      agentId: 42,
      name: 'build-bot',
      status: 'busy',
      previousStatus: 'online',
      reason: 'heartbeat',
      lastActivity: 'tests',
    },
    'agent.status_changed',
    {
      id: 42,
      name: 'build-bot',
      status: 'busy',
      previous_status: 'online',
      last_seen: 1_767_225_600,
      last_activity: 'tests',
      reason: 'heartbeat',
    },
  ],
  [
    'AgentStatusChanged',
    { agentId: 42, name: 'build-bot', status: 'offline', previousStatus: 'busy', reason: 'connection_expired' },
    'agent.status_changed',
    {
      id: 42,
      name: 'build-bot',
      status: 'offline',
      previous_status: 'busy',
      last_seen: null,
      last_activity: null,
      reason: 'connection_expired',
    },
  ],
  ['AgentRetired', { agentId: 42, name: 'build-bot' }, 'agent.deleted', { id: 42, name: 'build-bot' }],
  [
    'ConnectionOpened',
    {
      connectionId,
      agentId: 42,
      agentName: 'build-bot',
      toolName: 'claude-code',
      toolVersion: '1.0.0',
      epoch: 3,
      metadata: { secret: 1 },
    },
    'connection.created',
    {
      connection_id: connectionId,
      agent_id: 42,
      agent_name: 'build-bot',
      tool_name: 'claude-code',
      tool_version: '1.0.0',
      epoch: 3,
    },
  ],
  [
    'ConnectionClosed',
    { connectionId, agentId: 42, agentName: 'build-bot', epoch: 3, reason: 'superseded', replacedBy: 'b' },
    'connection.disconnected',
    { connection_id: connectionId, agent_id: 42, agent_name: 'build-bot', reason: 'superseded', replaced_by: 'b' },
  ],
  [
    'ConnectionClosed',
    { connectionId, agentId: 42, agentName: 'build-bot', epoch: 3, reason: 'client' },
    'connection.disconnected',
    { connection_id: connectionId, agent_id: 42, agent_name: 'build-bot', reason: 'client' },
  ],
  [
    'TokenUsageReported',
    usage,
    'token.reported',
    {
      id: usage.id,
      eventId: 'run-81-1',
      agentName: 'build-bot',
      sessionId: 'build-bot:cli',
      model: 'claude-sonnet-4',
      inputTokens: 1500,
      outputTokens: 800,
      cacheReadTokens: 40_000,
      cacheWriteTokens: 1,
      totalTokens: 42_301,
      taskId: 7,
      operation: 'heartbeat',
      occurredAt: 1_767_225_600_000,
    },
  ],
];

describe('a fact as a frame', () => {
  it.each(table)('%s: %j', (type, data, frameType, expected) => {
    const frame = frameOf(stored(type, data, sampleMetadata({ workspaceId: 3 })));
    expect(JSON.parse(frame?.json ?? '')).toEqual({
      type: frameType,
      data: { ...expected, workspace_id: 3 },
      timestamp: Date.parse('2026-01-01T00:00:00.123Z'),
    });
    expect(Object.keys(JSON.parse(frame?.json ?? '') as object)).toEqual(['type', 'data', 'timestamp']);
    expect(frame).toMatchObject({ type: frameType, workspaceId: 3, agentIds: [42] });
    expect(frame?.agentNames).toContain('build-bot');
  });

  it('exists exactly for the event types that say so in their contract', () => {
    const promised = allEventContracts.filter(({ frame }) => frame !== undefined);
    expect(Object.fromEntries(allFrameMappings.map(({ event, frame }) => [event, frame]))).toEqual(
      Object.fromEntries(promised.map(({ type, frame }) => [type, frame])),
    );
  });

  it('is not made of raw beats, of unknown types or of what cannot be read', () => {
    expect(frameOf(stored('HeartbeatReceived', { agentId: 1, connectionId: null, epoch: null }))).toBeUndefined();
    expect(frameOf(stored('SomethingNew', {}))).toBeUndefined();
    const { data: _, metadata: __, ...rest } = stored('AgentRetired', {});
    expect(frameOf({ ...rest, unreadable: 'malformed', reason: 'x' })).toBeUndefined();
  });

  it('is found by both names of a rename, by nobody’s id when the agent is unknown, and by its task', () => {
    const renamed = frameOf(stored('AgentRenamed', { agentId: 1, name: 'new', previousName: 'old' }));
    expect(renamed?.agentNames).toEqual(['new', 'old']);
    const orphan = frameOf(stored('TokenUsageReported', { ...usage, agentId: null }));
    expect(orphan).toMatchObject({ agentIds: [], agentNames: ['build-bot'], taskIds: [7] });
  });

  it('is one block, whatever the text in it, and comes out of a strict parser as it went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.boolean(), (name, isNamed) => {
        const frame = frameOf(stored('AgentRetired', { agentId: 1, name }));
        if (frame === undefined) throw new Error('no frame');
        const events: SseEvent[] = [];
        const parser = new SseParser((event) => events.push(event));
        const block = isNamed ? namedEventBlock('i', frame.type, frame.json) : eventBlock('i', frame.json);
        parser.push(Buffer.from(block));
        expect(parser.blocks).toBe(1);
        expect(parser.violations).toEqual([]);
        expect(events).toEqual([{ type: isNamed ? 'agent.deleted' : 'message', data: frame.json, lastEventId: 'i' }]);
        expect((JSON.parse(frame.json) as { data: { name: string } }).data.name).toBe(name);
      }),
    );
  });

  it('has one mapping an event and a name that cannot be mistaken', () => {
    const mapping = { event: 'X', frame: 'x.happened', map: () => ({ data: {}, about: {} }) };
    expect(() => frameFunction([mapping, mapping])).toThrow('two frames for X');
    for (const frame of ['error', 'x', 'x.\n', 'X.y', 'x..y', '']) {
      expect(() => frameFunction([{ ...mapping, frame }])).toThrow('bad frame type');
    }
  });
});
