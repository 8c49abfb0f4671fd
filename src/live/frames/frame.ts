import { isReadable, type LogEntry } from '../../platform/event-store/event-store.js';
import type { Position } from '../../platform/event-store/position.js';
import type { FrameMapping } from './frame-mapping.js';

/** A public fact: what every listener that may see it is sent, byte for byte the same. */
export interface Frame {
  readonly position: Position;
  readonly type: string;
  readonly workspaceId: number;
  readonly agentIds: readonly number[];
  readonly agentNames: readonly string[];
  readonly taskIds: readonly number[];
  /** True: for admins only. */
  readonly forAdmins: boolean;
  /** When the server learned the fact, ms since 1970. */
  readonly recordedAtMs: number;
  /** `{"type","data","timestamp"}` on one line: JSON text holds neither CR nor LF. */
  readonly json: string;
}

/** An event becomes one frame, or none. */
export type FrameOf = (entry: LogEntry) => Frame | undefined;

const FRAME_TYPE = /^[a-z][a-z_]*(\.[a-z][a-z_]*)+$/;

/**
 * The function event → frame, from the mappings of the features. Pure. Types without a mapping, and events that cannot
 * be read, give none.
 *
 * Throws at once for two mappings of one event, and for a name that is not words with dots between.
 */
export function frameFunction(mappings: readonly FrameMapping[]): FrameOf {
  const byEvent = new Map<string, FrameMapping>();
  for (const mapping of mappings) {
    if (byEvent.has(mapping.event)) throw new Error(`two frames for ${mapping.event}`);
    if (!FRAME_TYPE.test(mapping.frame)) throw new Error(`bad frame type ${mapping.frame}`);
    byEvent.set(mapping.event, mapping);
  }
  return (entry) => {
    if (!isReadable(entry)) return undefined;
    const mapping = byEvent.get(entry.type);
    if (mapping === undefined) return undefined;
    const { workspaceId, recordedAt } = entry.metadata;
    const { data, about, frame = mapping.frame, audience } = mapping.map(entry.data, entry.metadata, entry);
    const recordedAtMs = Date.parse(recordedAt);
    return {
      position: entry.position,
      type: frame,
      workspaceId,
      agentIds: about.agentIds ?? [],
      agentNames: about.agentNames ?? [],
      taskIds: about.taskIds ?? [],
      forAdmins: audience === 'admin',
      recordedAtMs,
      json: JSON.stringify({
        type: frame,
        data: { ...data, workspace_id: workspaceId },
        timestamp: recordedAtMs,
      }),
    };
  };
}
