import { randomBytes } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** What a figure is worth nothing without. */
export function machine(): string {
  const [cpu] = cpus();
  const load = loadavg().map((value) => value.toFixed(2));
  const memory = (totalmem() / 2 ** 30).toFixed(1);
  return [
    `machine ${cpu?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${memory} GiB, Linux ${release()}`,
    `node ${process.version}, load ${load.join(' ')}`,
  ].join('\n');
}

/** Milliseconds of each of `count` times: write 512 bytes at the end of a file, then fdatasync. */
export async function fdatasyncMs(dir: string, count: number): Promise<number[]> {
  const path = join(dir, 'fdatasync.probe');
  const file = await open(path, 'w');
  const samples: number[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const start = performance.now();
      await file.write(randomBytes(512));
      await file.datasync();
      samples.push(performance.now() - start);
    }
  } finally {
    await file.close();
    await rm(path);
  }
  return samples;
}

/** CPU milliseconds that a process has used, user and system; Linux counts in ticks of 10 ms. */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
