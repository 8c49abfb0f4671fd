import type { AgentMemoryAppended, AgentMemoryCleared, AgentMemoryWritten } from '../../agents/agent-memory.events.js';
import type { EventMetadata } from '../../platform/event-store/stored-event.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FramePlace } from './frame-mapping.js';

const frame = 'activity.created';

/** What the memory holds is not told, only that it changed. */
export const agentMemoryFrames = [
  frameMapping<AgentMemoryWritten>({
    event: 'AgentMemoryWritten',
    frame,
    map: (data, metadata, place) => updated(data, metadata, place, 'written', data.bytes),
  }),
  frameMapping<AgentMemoryAppended>({
    event: 'AgentMemoryAppended',
    frame,
    map: (data, metadata, place) => updated(data, metadata, place, 'appended', data.bytes),
  }),
  frameMapping<AgentMemoryCleared>({
    event: 'AgentMemoryCleared',
    frame,
    map: (data, metadata, place) => updated(data, metadata, place, 'cleared', 0),
  }),
];

function updated(
  { agentId, agentName }: AgentMemoryCleared['data'],
  metadata: EventMetadata,
  place: FramePlace,
  action: 'written' | 'appended' | 'cleared',
  size: number,
) {
  return activityContent(metadata, place, {
    type: 'agent_memory_updated',
    entityType: 'agent',
    entityId: agentId,
    description: `The working memory of ${agentName} was ${action}`,
    data: { agent_name: agentName, action, size },
    about: { agentIds: [agentId], agentNames: [agentName] },
  });
}
