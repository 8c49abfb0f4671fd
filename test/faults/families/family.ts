import type { Word } from '../finding.js';
import type { Random } from '../random.js';
import type { FamilyResult } from '../report/line.js';

/** What every family is told. */
export interface FamilyOptions {
  /** Holds the built `dist` of the program that is tried. */
  readonly programDir: string;
  readonly rounds: number;
  /** How many api processes share the port. */
  readonly apiWorkers: number;
  readonly clients: number;
  readonly listeners: number;
  /** Cuts that every listener must have had at the end. */
  readonly leastCuts: number;
  /** The log that came out of it is folded in batches of these sizes at the end. */
  readonly batchSizes: readonly number[];
  /** How many facts receivers of webhooks are told of. */
  readonly facts: number;
  readonly random: Random;
  /** Ends the family at the first finding of this kind: a planted bug is caught once. */
  readonly stopsAt: Word | undefined;
  /** Keeps the data, the ledger and what was printed of a family that failed. */
  readonly keepsFailures: boolean;
  readonly say: (line: string) => void;
}

export interface Family {
  readonly name: string;
  readonly what: string;
  run(options: FamilyOptions): Promise<FamilyResult>;
}
