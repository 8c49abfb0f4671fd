import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNode } from '../../embedded/event-store/index.js';

/** The file of the data directory that holds the events. */
export const dataFile = 'log.mdb';

export interface InProcessNode {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** Stops the node; removes the data directory if it was made here. */
  close(): Promise<void>;
}

/** Starts the embedded event store inside this process, on a free port, in a directory of its own unless one is given. */
export async function startEventStoreNode(options: { readonly dir?: string } = {}): Promise<InProcessNode> {
  const dir = options.dir ?? (await newDataDirectory());
  const node = await startNode({ dir, port: 0 });
  return {
    url: node.url,
    port: node.port,
    dir,
    close: async () => {
      await node.close();
      if (options.dir === undefined) await removeDirectory(dir);
    },
  };
}

/** A fresh directory below the system's temporary one. */
export function newDataDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'mc-event-store-'));
}

export function removeDirectory(dir: string): Promise<void> {
  return rm(dir, { recursive: true, force: true, maxRetries: 3 });
}
