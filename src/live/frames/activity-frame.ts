import type { EventMetadata, Json } from '../../platform/event-store/stored-event.js';
import { secondsOf } from '../../tasks/task-json.js';
import type { FrameContent, FramePlace, FrameSubject } from './frame-mapping.js';

/** A fact that has no frame type of its own, told as an entry of the feed. */
export interface Activity {
  readonly type: string;
  readonly entityType: string;
  readonly entityId: number | null;
  readonly description: string;
  readonly data?: { readonly [key: string]: Json };
  readonly about: FrameSubject;
  readonly audience?: FrameContent['audience'];
}

/** The content of an `activity.created` frame. The id of an activity is its place in the log. */
export function activityContent(metadata: EventMetadata, place: FramePlace, activity: Activity): FrameContent {
  return {
    data: {
      id: Number(place.position.commit),
      type: activity.type,
      entity_type: activity.entityType,
      entity_id: activity.entityId,
      actor: metadata.actor.name,
      description: activity.description,
      data: activity.data ?? null,
      created_at: secondsOf(metadata.recordedAt),
    },
    about: activity.about,
    ...(activity.audience === undefined ? {} : { audience: activity.audience }),
  };
}
