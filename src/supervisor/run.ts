import { readFileSync } from 'node:fs';
import { ConfigError } from '../platform/config/config.error.js';
import { type ExitCode, exitCodes, StartError } from './exit-codes.js';
import { help } from './help.js';
import type { Scripts } from './programs.js';
import { supervise } from './supervise.js';

/** The command line of the supervisor: what it was asked for, and every failure as one sentence and an exit code. */
export async function run([argument, ...others]: readonly string[], scripts: Scripts): Promise<ExitCode> {
  if (argument === undefined) return superviseOrExplain(scripts);
  if (others.length === 0 && ['--help', '-h'].includes(argument)) {
    console.log(help);
    return exitCodes.stopped;
  }
  if (others.length === 0 && argument === '--version') {
    console.log(version());
    return exitCodes.stopped;
  }
  complain('unknown argument; "npm start -- --help" shows what there is');
  return exitCodes.badArgument;
}

async function superviseOrExplain(scripts: Scripts): Promise<ExitCode> {
  try {
    return await supervise(scripts, (message) => console.log(message));
  } catch (error) {
    if (error instanceof ConfigError) {
      error.problems.forEach(complain);
      return exitCodes.badSetting;
    }
    if (error instanceof StartError) {
      complain(error.message);
      return error.exitCode;
    }
    throw error;
  }
}

function complain(sentence: string): void {
  console.error(`mission-control: ${sentence}`);
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version: current } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return current;
}
