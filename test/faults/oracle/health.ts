import { type Finding, finding } from '../finding.js';
import type { SystemUnderTest } from '../system/system.js';

const TROUBLE = /unhandled|uncaught|TypeError|ReferenceError|RangeError|FATAL ERROR/i;

/** What no process may print, whatever is killed beside it. */
export function checkOutput(output: string): Finding[] {
  const lines = output.split('\n').filter((line) => TROUBLE.test(line));
  return [...new Set(lines)].slice(0, 5).map((line) => finding('unwell', `printed: ${line.slice(0, 500)}`));
}

/** Ends the system in the orderly way: exit code 0 and no process left over. */
export async function checkEnd(system: SystemUnderTest): Promise<Finding[]> {
  const { exitCode, leftOver } = await system.stop();
  return [
    ...(exitCode === 0 ? [] : [finding('unwell', `the orderly end gave exit code ${exitCode}`)]),
    ...leftOver.map((command) => finding('unwell', `left over: ${command}`)),
  ];
}
