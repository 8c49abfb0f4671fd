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
  // A feed for people: few commands wait for it, and those not for long.
  lingerMs: 50,
  tables: activitiesTables,
  keyOf: (entry) => entry.stream,
  fold: foldActivities,
  write: writeActivities,
});
