import { isReadable } from '../../src/platform/event-store/event-store.js';
import { defineProjection } from '../engine/projection.js';
import { foldLiveness, type LivenessChanges, type LivenessEvent } from './liveness.fold.js';
import { livenessTables } from './liveness.tables.js';
import { writeLiveness } from './liveness.writer.js';

export const liveness = defineProjection<LivenessEvent, LivenessChanges>({
  name: 'liveness',
  policy: 'skip',
  handles: [
    'AgentRegistered',
    'AgentStatusChanged',
    'AgentRetired',
    'ConnectionOpened',
    'ConnectionClosed',
    'HeartbeatReceived',
    'HeartbeatsSummarised',
  ],
  tables: livenessTables,
  // Beats come by the thousand and nobody waits for one in milliseconds: let them gather.
  lingerMs: 20,
  volatile: true,
  keyOf: (entry) =>
    isReadable(entry) && 'agentId' in entry.data ? `agent-${String(entry.data.agentId)}` : entry.stream,
  fold: foldLiveness,
  write: writeLiveness,
});
