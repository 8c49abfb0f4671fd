import type { DomainEvent } from '../../src/platform/event-store/stored-event.js';
import { defineProjection } from '../engine/projection.js';
import { foldActivities, toldEvents, type ActivityRow } from './activities.fold.js';
import { activitiesTables } from './activities.tables.js';
import { writeActivities } from './activities.writer.js';

export const activities = defineProjection<DomainEvent, readonly ActivityRow[]>({
  name: 'activities',
  // No entry depends on another one.
  policy: 'skip',
  handles: toldEvents,
  tables: activitiesTables,
  keyOf: (entry) => entry.stream,
  fold: foldActivities,
  write: writeActivities,
});
