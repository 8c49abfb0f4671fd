import type { Finding, Word } from '../finding.js';

/** What a family did and what came of it. */
export interface FamilyResult {
  readonly family: string;
  readonly rounds: number;
  readonly survived: number;
  readonly acknowledged: number;
  readonly repeated: number;
  readonly findings: readonly Finding[];
  readonly remarks: readonly string[];
}

/** `api: 20 faults injected, 20 survived, 0 lost, 0 duplicated, 0 gaps (…)`. */
export function familyLine(result: FamilyResult): string {
  const { family, rounds, survived, acknowledged, repeated, findings, remarks } = result;
  return (
    `${family}: ${countLine(rounds, survived, findings)} ` +
    `(${[`${acknowledged} operations acknowledged`, `${repeated} repeated`, ...remarks].join(', ')})`
  );
}

/** The one line that may be quoted, then what a machine reads. */
export function closingLines(results: readonly FamilyResult[], seed: string): readonly string[] {
  const sum = (of: (result: FamilyResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const rounds = sum((result) => result.rounds);
  const survived = sum((result) => result.survived);
  const findings = results.flatMap((result) => result.findings);
  return [`${countLine(rounds, survived, findings)} (seed ${seed})`, `${survived} passed, ${rounds - survived} failed`];
}

function countLine(rounds: number, survived: number, findings: readonly Finding[]): string {
  const count = (word: Word) => findings.filter((each) => each.word === word).length;
  return (
    `${rounds} faults injected, ${survived} survived, ` +
    `${count('lost')} lost, ${count('duplicated')} duplicated, ${count('gap')} gaps`
  );
}
