import type { Position } from '../platform/event-store/position.js';
import type { LogPlace } from './webhooks.events.js';

export function placeOf({ commit, prepare }: Position): LogPlace {
  return { commit: hex(commit), prepare: hex(prepare) };
}

export function positionOf({ commit, prepare }: LogPlace): Position {
  return { commit: BigInt(`0x${commit}`), prepare: BigInt(`0x${prepare}`) };
}

function hex(half: bigint): string {
  return half.toString(16).padStart(16, '0');
}
