import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A callback as it waits on disk. Times are ms since 1970. */
export interface Spooled {
  readonly id: string;
  readonly url: string;
  readonly body: Buffer;
  readonly createdAtMs: number;
}

interface Line {
  readonly url: string;
  readonly createdAtMs: number;
  readonly body: string;
}

const WAITING = '.callback.json';
const REFUSED = '.refused.json';

/**
 * Callbacks that have not been acknowledged, one file each, in a directory that is the agent's own (mode 0700). What is
 * kept is on the disk before it is sent, so a crash loses none; what is sent twice by that has the same id.
 */
export class Spool {
  private constructor(private readonly directory: string) {}

  static async open(directory: string): Promise<Spool> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new Spool(directory);
  }

  /** Resolves when file and directory entry are durable. The secret is not part of it. */
  async keep({ id, url, body, createdAtMs }: Spooled): Promise<void> {
    const line: Line = { url, createdAtMs, body: body.toString('base64') };
    const path = this.pathOf(id);
    const file = await open(`${path}.tmp`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(line));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await this.syncDirectory();
  }

  async delivered(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
    await this.syncDirectory();
  }

  /** Set aside, for a person to look at. */
  async refused(id: string): Promise<void> {
    await rename(this.pathOf(id), join(this.directory, `${id}${REFUSED}`));
    await this.syncDirectory();
  }

  /** What waits, oldest first. A file that cannot be read is reported by name, the others are given. */
  async waiting(onUnreadable: (name: string) => void = () => undefined): Promise<readonly Spooled[]> {
    const names = (await readdir(this.directory)).filter((name) => name.endsWith(WAITING));
    const found: Spooled[] = [];
    for (const name of names) {
      const line = lineOf(await readFile(join(this.directory, name), 'utf8'));
      if (line === undefined) onUnreadable(name);
      else found.push({ ...line, id: name.slice(0, -WAITING.length), body: Buffer.from(line.body, 'base64') });
    }
    return found.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  private pathOf(id: string): string {
    return join(this.directory, `${id}${WAITING}`);
  }

  private async syncDirectory(): Promise<void> {
    const directory = await open(this.directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function lineOf(text: string): Line | undefined {
  try {
    const { url, createdAtMs, body } = JSON.parse(text) as Partial<Line>;
    const isWhole = typeof url === 'string' && typeof createdAtMs === 'number' && typeof body === 'string';
    return isWhole ? { url, createdAtMs, body } : undefined;
  } catch {
    return undefined;
  }
}
