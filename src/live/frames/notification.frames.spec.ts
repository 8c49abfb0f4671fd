import { describe, expect, it } from '@jest/globals';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import { frameOf } from './all.frames.js';

function frame(type: string, data: object) {
  const position = { commit: 30n, prepare: 30n };
  const metadata = sampleMetadata({ workspaceId: 3 });
  return frameOf({ position, stream: 's', revision: 0n, id: 'e', type, data, metadata, createdAt: new Date(0) });
}

const raised = {
  notificationId: 91,
  uuid: '11111111-1111-5111-8111-111111111111',
  recipient: 'bob',
  recipientAgentId: 2,
  type: 'mention',
  title: 'You were mentioned',
  message: 'ops mentioned you',
  sourceType: 'comment',
  sourceId: 12,
  taskId: 7,
  commentId: 12,
  author: 'ops',
  excerpt: 'look @bob',
  taskTitle: 'Fix the build',
};

describe('notifications as frames', () => {
  it('say what was raised, to listeners of the recipient and of the task', () => {
    const created = frame('NotificationRaised', raised);
    expect(JSON.parse(created?.json ?? '')).toEqual({
      type: 'notification.created',
      data: {
        id: 91,
        recipient: 'bob',
        type: 'mention',
        title: 'You were mentioned',
        message: 'ops mentioned you',
        source_type: 'comment',
        source_id: 12,
        created_at: 1_767_225_600,
        workspace_id: 3,
      },
      timestamp: Date.parse('2026-01-01T00:00:00.123Z'),
    });
    expect(created).toMatchObject({ agentIds: [2], agentNames: ['bob'], taskIds: [7] });
  });

  it.each([
    ['NotificationsRead', 'notification_read', [91], 91, '1 notification of bob read'],
    ['NotificationsDelivered', 'notification_delivered', [91, 92], null, '2 notifications of bob delivered'],
    ['NotificationsDeleted', 'notification_deleted', [91, 92], null, '2 notifications of bob deleted'],
  ])('tell of %s as the activity %s', (event, type, ids, entityId, description) => {
    const marked = frame(event, { recipient: 'bob', recipientAgentId: null, ids });
    expect(JSON.parse(marked?.json ?? '')).toMatchObject({
      type: 'activity.created',
      data: {
        id: 30,
        type,
        entity_type: 'notification',
        entity_id: entityId,
        description,
        data: { recipient: 'bob', ids },
      },
    });
    expect(marked).toMatchObject({ agentIds: [], agentNames: ['bob'] });
  });
});
