import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { eventually } from '../../../support/eventually.js';
import { dataFile, newDataDirectory, removeDirectory } from '../../../support/event-store-node.js';
import { spawnEventStoreNode, type NodeProcess } from '../../../support/event-store-process.js';
import { connect, describeEmbedded, dispose } from '../target.js';
import { Ledger, spotless } from './acknowledged.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;

interface Shortage {
  readonly name: string;
  /** Undefined when it can be produced here, else why not. */
  readonly missing: () => Promise<string | undefined>;
  readonly prepare: (dir: string) => Promise<void>;
  readonly begin: (dir: string, node: NodeProcess) => Promise<void>;
  readonly end: (dir: string, node: NodeProcess) => Promise<void>;
  readonly cleanUp: (dir: string) => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** A write beyond the limit fails with EFBIG, which needs no rights and no file system of our own. */
const fileSizeLimit: Shortage = {
  name: 'a file size limit',
  missing: () => failure(run('prlimit', ['--version'])),
  prepare: nothing,
  begin: async (dir, node) => {
    const { size } = await stat(join(dir, dataFile));
    await run('prlimit', ['--pid', String(node.pid), `--fsize=${size}:unlimited`]);
  },
  end: async (_, node) => {
    await run('prlimit', ['--pid', String(node.pid), '--fsize=unlimited:unlimited']).catch(() => undefined);
  },
  cleanUp: nothing,
};

/** A write fails with ENOSPC: a small file system in memory, mounted over the data directory. */
const fullDisk: Shortage = {
  name: 'a full disk',
  missing: async () => {
    const dir = await newDataDirectory();
    const problem = await failure(run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir]));
    if (problem === undefined) await run('umount', [dir]);
    await removeDirectory(dir);
    return problem;
  },
  prepare: async (dir) => {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', dir]);
  },
  begin: nothing,
  end: async (dir) => {
    await run('mount', ['-o', 'remount,size=64m', dir]);
  },
  cleanUp: async (dir) => {
    await run('umount', ['--lazy', dir]);
  },
};

describeEmbedded('a commit that fails', 'the disk of a server by URL is not ours', () => {
  it.each([fileSizeLimit, fullDisk])(
    'because of $name leaves no acknowledged ghost and no wrong head, and the next append is right',
    async (shortage) => {
      const problem = await shortage.missing();
      if (problem !== undefined) {
        console.info(`skipped here: ${shortage.name} (${problem})`);
        return;
      }
      const dir = await newDataDirectory();
      await shortage.prepare(dir);
      let node = await spawnEventStoreNode({ dir });
      const ledger = new Ledger();
      const data = { some: 'x'.repeat(20_000) };
      const streams = Array.from({ length: 4 }, (_, n) => `short-${n}`);
      try {
        const client = connect(node.url);
        for (const stream of streams) expect(await ledger.append(client, stream, 2)).toBe(true);

        await shortage.begin(dir, node);
        const hit = await Promise.all(
          streams.map(async (stream) => {
            for (let written = 0; written < 64 * MIB; written += 100_000) {
              if (!(await ledger.append(client, stream, 5, data))) return true;
            }
            return false;
          }),
        );
        expect(hit).toContain(true);
        for (const stream of streams) await ledger.append(client, stream, 1);
        await shortage.end(dir, node);
        await dispose(client);

        node = await alive(node, dir);
        const after = connect(node.url);
        for (const stream of streams) {
          await eventually(`an append to ${stream}`, () => ledger.append(after, stream, 1), 30_000);
        }
        expect(await ledger.judge(after, 'short-')).toMatchObject(spotless);
        await dispose(after);
        await node.kill('SIGKILL');

        node = await spawnEventStoreNode({ dir });
        const restarted = connect(node.url);
        for (const stream of streams) expect(await ledger.append(restarted, stream, 1)).toBe(true);
        expect(await ledger.judge(restarted, 'short-')).toMatchObject(spotless);
        await dispose(restarted);
      } finally {
        await node.kill('SIGKILL');
        await shortage.cleanUp(dir);
        await removeDirectory(dir);
      }
    },
    120_000,
  );
});

/** The node may go on, or may stop by its own decision and say why; then its supervisor starts it again. */
async function alive(node: NodeProcess, dir: string): Promise<NodeProcess> {
  const ended = await Promise.race([node.exited, new Promise<void>((resolve) => setTimeout(resolve, 500))]);
  if (typeof ended !== 'object') return node;
  expect(ended.signal).toBeNull();
  expect(ended.code).not.toBe(0);
  expect(node.output()).toMatch(/disk|commit|write|space|storage/i);
  return spawnEventStoreNode({ dir });
}

async function failure(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'failed') : 'failed';
  }
}
