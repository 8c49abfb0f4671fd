import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { ConfigError } from './config.error.js';
import type { Environment } from './settings.js';

/**
 * The variables of this process over those of a `.env` file in the working directory, if there is one.
 *
 * Errors: {@link ConfigError} when the file is there and cannot be read.
 */
export async function readEnvironment(environment: Environment, file = '.env'): Promise<Environment> {
  try {
    return { ...parseEnv(await readFile(file, 'utf8')), ...environment };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return environment;
    throw new ConfigError([`the file ${file} cannot be read (${code ?? 'unknown reason'})`]);
  }
}

/** The content of the file that a setting names; empty when it names none. */
export async function fileOf(name: string, environment: Environment): Promise<string> {
  const file = environment[name]?.trim() ?? '';
  if (file === '') return '';
  try {
    const content = await readFile(file, 'utf8');
    if (content.trim() !== '') return content;
  } catch (error) {
    throw new ConfigError([`${name}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`]);
  }
  throw new ConfigError([`${name}: the file is empty`]);
}
