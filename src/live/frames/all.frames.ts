import type { FrameMapping } from './frame-mapping.js';
import { frameFunction } from './frame.js';
import { agentMemoryFrames } from './agent-memory.frames.js';
import { priceFrames } from './price.frames.js';
import { agentFrames } from './agent.frames.js';
import { budgetFrames } from './budget.frames.js';
import { callbackFrames } from './callback.frames.js';
import { keyFrames } from './key.frames.js';
import { notificationFrames } from './notification.frames.js';
import { projectFrames } from './project.frames.js';
import { taskFrames } from './task.frames.js';
import { tokenFrames } from './token.frames.js';
import { webhookFrames } from './webhook.frames.js';

/** Every fact that listeners are told of. A feature adds its mappings here. */
export const allFrameMappings: readonly FrameMapping[] = [
  ...agentFrames,
  ...agentMemoryFrames,
  ...budgetFrames,
  ...priceFrames,
  ...callbackFrames,
  ...keyFrames,
  ...notificationFrames,
  ...projectFrames,
  ...taskFrames,
  ...tokenFrames,
  ...webhookFrames,
];

export const frameOf = frameFunction(allFrameMappings);
