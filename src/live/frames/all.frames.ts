import { agentFrames } from './agent.frames.js';
import type { FrameMapping } from './frame-mapping.js';
import { frameFunction } from './frame.js';
import { notificationFrames } from './notification.frames.js';
import { taskFrames } from './task.frames.js';
import { tokenFrames } from './token.frames.js';

/** Every fact that listeners are told of. A feature adds its mappings here. */
export const allFrameMappings: readonly FrameMapping[] = [
  ...agentFrames,
  ...taskFrames,
  ...notificationFrames,
  ...tokenFrames,
];

export const frameOf = frameFunction(allFrameMappings);
