import type { KeyIssued, KeyRevoked } from '../../keys/keys.events.js';
import { activityContent } from './activity-frame.js';
import { frameMapping } from './frame-mapping.js';

/** For admins only, and never more of a key than what it is called and may do. */
export const keyFrames = [
  frameMapping<KeyIssued>({
    event: 'KeyIssued',
    frame: 'activity.created',
    map: (key, metadata, place) =>
      activityContent(metadata, place, {
        type: 'key_issued',
        entityType: 'key',
        entityId: key.keyId,
        description: `${metadata.actor.name} issued key ${key.name}${forAgent(key.agentName)}`,
        data: {
          name: key.name,
          role: key.role,
          scopes: key.scopes,
          agent_id: key.agentId ?? null,
          expires_at: key.expiresAt === null ? null : Math.floor(Date.parse(key.expiresAt) / 1_000),
        },
        about: aboutAgent(key),
        audience: 'admin',
      }),
  }),
  frameMapping<KeyRevoked>({
    event: 'KeyRevoked',
    frame: 'activity.created',
    map: (key, metadata, place) =>
      activityContent(metadata, place, {
        type: 'key_revoked',
        entityType: 'key',
        entityId: key.keyId,
        description: `${metadata.actor.name} revoked key ${key.name}`,
        data: { name: key.name, reason: key.reason, agent_id: key.agentId ?? null },
        about: aboutAgent(key),
        audience: 'admin',
      }),
  }),
];

function forAgent(name: string | undefined): string {
  return name === undefined ? '' : ` for ${name}`;
}

function aboutAgent({ agentId, agentName }: { readonly agentId?: number; readonly agentName?: string }) {
  return {
    ...(agentId === undefined ? {} : { agentIds: [agentId] }),
    ...(agentName === undefined ? {} : { agentNames: [agentName] }),
  };
}
