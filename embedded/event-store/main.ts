import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadUsage, readCommandLine, usage, type CommandLine } from './command-line.js';
import { UnreadableStore, exitCodes, lookInChild } from './lifecycle/first-look.js';
import { lookAtStore, lookThroughStore } from './lifecycle/look-at-store.js';
import { StoreBehindWitness } from './lifecycle/witness.js';
import type { Logger } from './logger.js';
import { LOG_FILE, UnknownFormat } from './storage/lmdb-storage.js';
import { DamagedRecord } from './storage/record.js';

const log =
  (level: string) =>
  (detail: object, message: string): void =>
    console.error(
      JSON.stringify({ time: new Date().toISOString(), level, name: 'event-store', ...detail, msg: message }),
    );

const logger: Logger = { info: log('info'), warn: log('warn'), error: log('error') };

const program = fileURLToPath(import.meta.url);

const tellParent = (message: object): void => {
  if (process.connected) process.send?.(message);
};

/** The first look at an existing store happens in another process; see `lookInChild`. */
const lookFirst = async ({ dir, acceptDataLoss }: CommandLine): Promise<void> => {
  if (!existsSync(join(dir, LOG_FILE))) return;
  await lookInChild([program, 'look', '--dir', dir, ...(acceptDataLoss ? ['--accept-data-loss'] : [])]);
};

const serve = async (commandLine: CommandLine): Promise<void> => {
  const { dir, host, port, maxAppendBytes, acceptDataLoss, detached } = commandLine;
  // The server's modules load while the other process looks; that process itself does without them.
  const [{ startNode }] = await Promise.all([import('./node.js'), lookFirst(commandLine)]);
  const node = await startNode({
    dir,
    host,
    port,
    acceptDataLoss,
    logger,
    ...(maxAppendBytes === undefined ? {} : { maxAppendBytes }),
    onHealth: (health) => {
      tellParent({ type: 'health', ...health });
      if (health.status === 'failed') stop(exitCodes.failed);
    },
  });
  const stop = (exitCode: number): void => {
    node.close().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.error({ reason: String(error) }, 'The event store did not stop cleanly');
        process.exit(exitCodes.failed);
      },
    );
  };
  process.on('SIGTERM', () => stop(exitCodes.ok));
  process.on('SIGINT', () => stop(exitCodes.ok));
  if (!detached) process.on('disconnect', () => stop(exitCodes.ok));
  console.log(`Event store ready at ${node.url}`);
  tellParent({ type: 'ready', port: node.port, url: node.url });
};

const run = async (commandLine: CommandLine): Promise<void> => {
  switch (commandLine.command) {
    case 'help':
      return console.log(usage);
    case 'look':
      return lookAtStore(commandLine);
    case 'look-through':
      return console.log(await lookThroughStore(commandLine));
    case 'verify':
      if (!existsSync(join(commandLine.dir, LOG_FILE)))
        throw new BadUsage(`There is no event store in ${commandLine.dir}.`);
      return console.log(await lookInChild([program, 'look-through', '--dir', commandLine.dir]));
    case 'start':
      return serve(commandLine);
  }
};

const exitCodeOf = (error: unknown): number => {
  if (error instanceof BadUsage) return exitCodes.usage;
  if (error instanceof UnreadableStore) return error.exitCode;
  const isBadStore =
    error instanceof StoreBehindWitness || error instanceof DamagedRecord || error instanceof UnknownFormat;
  return isBadStore ? exitCodes.badStore : exitCodes.failed;
};

try {
  await run(readCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof BadUsage) console.error(usage);
  process.exit(exitCodeOf(error));
}
