import type {
  CallbackAccepted,
  CallbackSecretEnded,
  CallbackSecretIssued,
  LegacyCallbacksAllowed,
  LegacyCallbacksForbidden,
} from '../../callbacks/callbacks.events.js';
import type { EventMetadata } from '../../platform/event-store/stored-event.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FramePlace } from './frame-mapping.js';

const ITSELF = 'activity.created';

export const callbackFrames = [
  frameMapping<CallbackAccepted>({
    event: 'CallbackAccepted',
    frame: 'callback.received',
    map: ({ agentId, agentName, senderId, deliveryKey, report }) => ({
      data: {
        agent_id: agentId,
        agent_name: agentName,
        delivery_id: senderId ?? deliveryKey,
        type: report.type,
        task_id: report.taskId,
        message: report.message,
        ...(report.progress === null ? {} : { progress: report.progress }),
      },
      about: {
        agentIds: [agentId],
        agentNames: [agentName],
        taskIds: report.taskId === null ? [] : [report.taskId],
      },
    }),
  }),
  frameMapping<CallbackSecretIssued>({
    event: 'CallbackSecretIssued',
    frame: ITSELF,
    map: (data, metadata, place) =>
      toldToAdmins(metadata, place, data, 'key_issued', `got callback secret ${data.secretId}`),
  }),
  frameMapping<CallbackSecretEnded>({
    event: 'CallbackSecretEnded',
    frame: ITSELF,
    map: (data, metadata, place) =>
      toldToAdmins(metadata, place, data, 'key_revoked', `lost callback secret ${data.secretId}`),
  }),
  frameMapping<LegacyCallbacksAllowed>({
    event: 'LegacyCallbacksAllowed',
    frame: ITSELF,
    map: (data, metadata, place) =>
      toldToAdmins(metadata, place, data, 'key_legacy_allowed', 'may sign the body alone'),
  }),
  frameMapping<LegacyCallbacksForbidden>({
    event: 'LegacyCallbacksForbidden',
    frame: ITSELF,
    map: (data, metadata, place) =>
      toldToAdmins(metadata, place, data, 'key_legacy_forbidden', 'must sign time and id again'),
  }),
];

function toldToAdmins(
  metadata: EventMetadata,
  place: FramePlace,
  { agentId, agentName }: { readonly agentId: number; readonly agentName: string },
  type: string,
  what: string,
) {
  return activityContent(metadata, place, {
    type,
    entityType: 'agent',
    entityId: agentId,
    description: `${agentName} ${what}`,
    about: { agentIds: [agentId], agentNames: [agentName] },
    audience: 'admin',
  });
}
