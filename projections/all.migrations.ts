import { analyticsMigrations } from './analytics/analytics.migrations.js';
import { activities } from './activities/activities.projection.js';
import { agentMemory } from './agent-memory/agent-memory.projection.js';
import { agentStatus } from './agent-status/agent-status.projection.js';
import { budgets } from './budgets/budgets.projection.js';
import { costProjection } from './cost/cost.projection.js';
import { callbacks } from './callbacks/callbacks.projection.js';
import { engineMigrations, firstMigrationOf } from './engine/engine.migrations.js';
import type { Migration } from './engine/migrations.js';
import { keys } from './keys/keys.projection.js';
import { liveness } from './liveness/liveness.projection.js';
import { notifications } from './notifications/notifications.projection.js';
import { projects } from './projects/projects.projection.js';
import { tasks } from './tasks/tasks.projection.js';
import { tokenUsage } from './token-usage/token-usage.projection.js';
import { claimsOnly } from './token-usage/token-usage.tables.js';
import { webhooks } from './webhooks/webhooks.projection.js';

/** Every step of the read models' schema, in order. New steps are added at the end. */
export const allMigrations: readonly Migration[] = [
  ...engineMigrations,
  firstMigrationOf(agentStatus, 'agent-status/0001-tables'),
  firstMigrationOf(liveness, 'liveness/0001-tables'),
  firstMigrationOf(tokenUsage, 'token-usage/0001-tables'),
  firstMigrationOf(tasks, 'tasks/0001-tables'),
  firstMigrationOf(notifications, 'notifications/0001-tables'),
  firstMigrationOf(projects, 'projects/0001-tables'),
  firstMigrationOf(keys, 'keys/0001-tables'),
  firstMigrationOf(activities, 'activities/0001-tables'),
  firstMigrationOf(agentMemory, 'agent-memory/0001-tables'),
  firstMigrationOf(costProjection(), 'cost/0001-tables'),
  { id: 'token-usage/0002-claims-only', sql: claimsOnly },
  firstMigrationOf(budgets, 'budgets/0001-tables'),
  firstMigrationOf(callbacks, 'callbacks/0001-tables'),
  firstMigrationOf(webhooks, 'webhooks/0001-tables'),
  ...analyticsMigrations,
];
