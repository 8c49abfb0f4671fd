import { activities } from './activities/activities.projection.js';
import { agentMemory } from './agent-memory/agent-memory.projection.js';
import { agentStatus } from './agent-status/agent-status.projection.js';
import type { Projection } from './engine/projection.js';
import { keys } from './keys/keys.projection.js';
import { liveness } from './liveness/liveness.projection.js';
import { notifications } from './notifications/notifications.projection.js';
import { projects } from './projects/projects.projection.js';
import { tasks } from './tasks/tasks.projection.js';
import { tokenUsage } from './token-usage/token-usage.projection.js';

/** Every projection that the projector runs. */
export const allProjections: readonly Projection[] = [
  agentStatus,
  liveness,
  tokenUsage,
  tasks,
  notifications,
  projects,
  agentMemory,
  keys,
  activities,
];
