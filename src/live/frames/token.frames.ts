import type {
  TokenUsageCorrected,
  TokenUsageReported,
  TokenUsageVoided,
  UsageFacts,
} from '../../tokens/tokens.events.js';
import { type FrameContent, frameMapping } from './frame-mapping.js';

export const tokenFrames = [
  frameMapping<TokenUsageReported>({ event: 'TokenUsageReported', frame: 'token.reported', map: usageFrame }),
  frameMapping<TokenUsageCorrected>({ event: 'TokenUsageCorrected', frame: 'token.corrected', map: usageFrame }),
  frameMapping<TokenUsageVoided>({ event: 'TokenUsageVoided', frame: 'token.voided', map: usageFrame }),
];

/** No money: cost is a projection and can be priced anew. */
function usageFrame(data: UsageFacts): FrameContent {
  return {
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
  };
}
