import { activities } from './activities/activities.projection.js';
import { agentMemory } from './agent-memory/agent-memory.projection.js';
import { agentStatus } from './agent-status/agent-status.projection.js';
import { budgets } from './budgets/budgets.projection.js';
import { costProjection } from './cost/cost.projection.js';
import { callbacks } from './callbacks/callbacks.projection.js';
import type { Projection } from './engine/projection.js';
import { keys } from './keys/keys.projection.js';
import { liveness } from './liveness/liveness.projection.js';
import { notifications } from './notifications/notifications.projection.js';
import { projects } from './projects/projects.projection.js';
import { tasks } from './tasks/tasks.projection.js';
import { tokenUsage } from './token-usage/token-usage.projection.js';
import { webhooks } from './webhooks/webhooks.projection.js';

export interface ProjectionSettings {
  /** IANA zones, beside UTC, that days of cost are kept in. */
  readonly reportingZones: readonly string[];
}

/** Every projection that the projector runs. */
export function projectionsFor({ reportingZones }: ProjectionSettings): readonly Projection[] {
  return [
    agentStatus,
    liveness,
    tokenUsage,
    tasks,
    notifications,
    projects,
    agentMemory,
    keys,
    activities,
    costProjection(reportingZones),
    budgets,
    callbacks,
    webhooks,
  ];
}

export const allProjections: readonly Projection[] = projectionsFor({ reportingZones: [] });
