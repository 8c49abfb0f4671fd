import type { TokenUsageReported } from '../../tokens/tokens.events.js';
import { frameMapping } from './frame-mapping.js';

/** No money: cost is a projection and can be priced anew. */
export const tokenFrames = [
  frameMapping<TokenUsageReported>({
    event: 'TokenUsageReported',
    frame: 'token.reported',
    map: (data) => ({
      data: {
        id: data.id,
        eventId: data.eventId,
        agentName: data.agentName,
        sessionId: data.sessionId,
        model: data.model,
        inputTokens: data.inputTokens,
        outputTokens: data.outputTokens,
        cacheReadTokens: data.cacheReadTokens,
        cacheWriteTokens: data.cacheWriteTokens,
        reasoningTokens: data.reasoningTokens,
        totalTokens: data.inputTokens + data.outputTokens + data.cacheReadTokens + data.cacheWriteTokens,
        taskId: data.taskId,
        operation: data.operation,
        occurredAt: data.timestamp,
      },
      about: {
        agentIds: data.agentId === null ? [] : [data.agentId],
        agentNames: [data.agentName],
        taskIds: data.taskId === null ? [] : [data.taskId],
      },
    }),
  }),
];
