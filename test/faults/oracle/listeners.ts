import { eventually } from '../../support/eventually.js';
import { type Finding, finding } from '../finding.js';
import type { CutListener } from '../listeners/cut-listener.js';
import { expectedIds } from './expected-frames.js';
import type { LogEvent } from './stored-log.js';

const ARRIVAL_BOUND_MS = 30_000;

/** Every listener against the filtered log: each frame once, in order, none missing. Waits until all had the time. */
export async function checkListeners(log: readonly LogEvent[], listeners: readonly CutListener[]): Promise<Finding[]> {
  const checks = listeners.map((listener, index) => checkOne(`listener ${index}`, log, listener));
  return (await Promise.all(checks)).flat();
}

async function checkOne(name: string, log: readonly LogEvent[], listener: CutListener): Promise<Finding[]> {
  const expected = expectedIds(log, listener.filter);
  const last = expected.at(-1);
  const isThere = () => last === undefined || (listener.ids.at(-1) ?? '') >= last;
  await eventually('the last frame', isThere, ARRIVAL_BOUND_MS).catch(() => undefined);
  const known = last === undefined ? [] : listener.ids.filter((id) => id <= last);
  return [
    ...compared(`${name} (${JSON.stringify(listener.filter)}, ${listener.cuts} cuts)`, expected, known),
    ...listener.surprises.map((what) => finding('gap', `${name}: ${what}`)),
  ];
}

function compared(name: string, expected: readonly string[], received: readonly string[]): Finding[] {
  const wanted = new Set(expected);
  const seen = new Set<string>();
  const findings: Finding[] = [];
  let last = '';
  for (const id of received) {
    if (seen.has(id)) findings.push(finding('duplicated', `${name}: ${id} twice`));
    else if (id < last) findings.push(finding('gap', `${name}: ${id} after ${last}`));
    if (!wanted.has(id)) findings.push(finding('duplicated', `${name}: ${id} is not for it`));
    seen.add(id);
    last = id;
  }
  const missing = expected.filter((id) => !seen.has(id));
  return [...findings, ...missing.map((id) => finding('gap', `${name}: ${id} is missing`))];
}
