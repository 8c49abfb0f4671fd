import type { Random } from '../random.js';

/** What every family is told. */
export interface FamilyOptions {
  /** Holds the built `dist` of the program that is tried. */
  readonly programDir: string;
  readonly rounds: number;
  readonly clients: number;
  readonly listeners: number;
  readonly random: Random;
  say(line: string): void;
}
