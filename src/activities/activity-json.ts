import type { ActivityEntity, ActivityRow, ActivityStats } from '../../projections/activities/activities.queries.js';

/** An entry of the feed as the contract shows it. */
export function activityJson(row: ActivityRow) {
  return {
    id: row.id,
    type: row.type,
    entity_type: row.entityType,
    entity_id: row.entityId,
    actor: row.actor,
    description: row.description,
    data: row.data,
    created_at: seconds(row.createdAt),
    workspace_id: row.workspaceId,
    entity: row.entity === null ? null : entityJson(row.entity),
  };
}

export function activityStatsJson({ byType, topActors, timeline }: ActivityStats, hours: number) {
  return {
    timeframe: `${hours} hours`,
    activityByType: byType,
    topActors: topActors.map(({ actor, count }) => ({ actor, activity_count: count })),
    timeline: timeline.map(({ hour, count }) => ({ timestamp: seconds(hour), count, hour: hour.toISOString() })),
  };
}

function entityJson(entity: ActivityEntity) {
  if (entity.type !== 'comment') return entity;
  const { type, id, taskId, taskTitle, preview } = entity;
  return { type, id, task_id: taskId, task_title: taskTitle, content_preview: preview };
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
