import { BEFORE_EVERYTHING, type Position } from './position.js';

/**
 * The public text of a position: `1-<commit, 16 hex><prepare, 16 hex>-<generation, 8 hex>`, 43 characters. Within a
 * generation text order is log order. All zeros means "before everything" (never an event of ours).
 */
const SHAPE = /^1-([0-9a-f]{16})([0-9a-f]{16})-([0-9a-f]{8})$/;

/** What a text turned out to be. `foreign` is well formed but belongs to another generation of the log. */
export type ParsedPosition =
  | { readonly kind: 'position'; readonly position: Position }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' };

/** Writes a position as text. `generation` is 8 lower-case hex digits. */
export function positionText(position: Position, generation: string): string {
  if (position.commit < 0n) return `1-${'0'.repeat(32)}-${generation}`;
  return `1-${hex16(position.commit)}${hex16(position.prepare)}-${generation}`;
}

/** Reads a text written by {@link positionText}; all zeros is read as {@link BEFORE_EVERYTHING}. */
export function parsePosition(text: string, generation: string): ParsedPosition {
  const match = SHAPE.exec(text);
  if (match === null) return { kind: 'malformed' };
  const [, commit, prepare, ofGeneration] = match;
  if (ofGeneration !== generation) return { kind: 'foreign' };
  const position = { commit: BigInt(`0x${commit}`), prepare: BigInt(`0x${prepare}`) };
  return {
    kind: 'position',
    position: position.commit === 0n && position.prepare === 0n ? BEFORE_EVERYTHING : position,
  };
}

function hex16(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
