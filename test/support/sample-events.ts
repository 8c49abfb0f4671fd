import { randomUUID } from 'node:crypto';
import type { AgentStatus, StatusReason } from '../../src/agents/agents.events.js';
import type { EventMetadata, ProposedEvent } from '../../src/platform/event-store/stored-event.js';

/** Metadata with meaningful defaults; a test gives only what matters to it. */
export function sampleMetadata(overrides: Partial<EventMetadata> = {}): EventMetadata {
  return {
    schemaVersion: 1,
    workspaceId: 1,
    correlationId: '7b0f1d9e-57f5-4a56-9d0b-6d5ad2ee8c11',
    causationId: '0f4d3a7c-3c59-4f0e-8f0c-7f6b0a0c9d22',
    actor: { kind: 'key', id: 'k1', name: 'ops' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:00.123Z',
    ...overrides,
  };
}

type Overrides = Partial<EventMetadata>;

function proposed(type: string, data: object, metadata: Overrides): ProposedEvent {
  return { id: randomUUID(), type, data, metadata: sampleMetadata(metadata) };
}

/** Events of issue 2's streams with the stream that each belongs to. */
export const sample = {
  agentRegistered(agentId: number, name = `agent-${agentId}`, metadata: Overrides = {}) {
    return {
      stream: `agent-${agentId}`,
      event: proposed(
        'AgentRegistered',
        {
          agentId,
          name,
          status: 'online',
          source: 'connect',
          profile: { role: 'cli', sessionKey: null, soulContent: null, config: {}, runtimeType: null },
        },
        metadata,
      ),
    };
  },

  statusChanged(
    agentId: number,
    status: AgentStatus = 'busy',
    options: { name?: string; reason?: StatusReason; metadata?: Overrides } = {},
  ) {
    const data = {
      agentId,
      name: options.name ?? `agent-${agentId}`,
      status,
      previousStatus: 'online',
      reason: options.reason ?? 'heartbeat',
    };
    return { stream: `agent-${agentId}`, event: proposed('AgentStatusChanged', data, options.metadata ?? {}) };
  },

  connectionOpened(agentId: number, epoch = 1, metadata: Overrides = {}) {
    const data = {
      connectionId: randomUUID(),
      agentId,
      agentName: `agent-${agentId}`,
      toolName: 'claude-code',
      toolVersion: null,
      epoch,
      metadata: null,
    };
    return { stream: `agent-${agentId}`, event: proposed('ConnectionOpened', data, metadata) };
  },

  tokensReported(agentId: number | null, agentName = `agent-${String(agentId)}`, metadata: Overrides = {}) {
    const id = randomUUID();
    const data = {
      id,
      eventId: `e-${id}`,
      model: 'claude-sonnet-4',
      sessionId: `${agentName}:cli`,
      agentName,
      agentId,
      operation: 'chat_completion',
      timestamp: 1_767_225_600_000,
      taskId: null,
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      contentDigest: 'd',
    };
    return { stream: 'usage-3', event: proposed('TokenUsageReported', data, metadata) };
  },

  heartbeat(agentId: number, metadata: Overrides = {}) {
    const data = { agentId, connectionId: null, epoch: null };
    return { stream: 'heartbeat-0', event: proposed('HeartbeatReceived', data, metadata) };
  },
};

export type SampleEvent = ReturnType<(typeof sample)['heartbeat']>;
