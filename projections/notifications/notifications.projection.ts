import type { NotificationEvent } from '../../src/notifications/notifications.events.js';
import { defineProjection } from '../engine/projection.js';
import { foldNotifications, type NotificationChanges } from './notifications.fold.js';
import { notificationsTables } from './notifications.tables.js';
import { writeNotifications } from './notifications.writer.js';

export const notifications = defineProjection<NotificationEvent, NotificationChanges>({
  name: 'notifications',
  // Notifications do not depend on each other, and a mark of one that was set aside marks nothing.
  policy: 'skip',
  handles: ['NotificationRaised', 'NotificationsRead', 'NotificationsDelivered', 'NotificationsDeleted'],
  tables: notificationsTables,
  keyOf: (entry) => entry.stream,
  fold: foldNotifications,
  write: writeNotifications,
});
