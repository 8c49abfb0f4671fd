import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

export interface ProcessFigures {
  readonly pid: number;
  readonly name: string;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly pssMb: number;
}

/** Every process below `root` (included), with its CPU time and memory. Linux only. */
export function processTree(root: number): readonly ProcessFigures[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(Number(entry));
    if (stat !== undefined) parents.set(Number(entry), stat.parent);
  }
  const inTree = new Set([root]);
  for (let before = -1; before !== inTree.size;) {
    before = inTree.size;
    for (const [pid, parent] of parents) if (inTree.has(parent)) inTree.add(pid);
  }
  return [...inTree].flatMap((pid) => figuresOf(pid) ?? []);
}

export function totalCpuSeconds(figures: readonly ProcessFigures[]): number {
  return figures.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function figuresOf(pid: number): ProcessFigures | undefined {
  const stat = statOf(pid);
  if (stat === undefined) return undefined;
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kb = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return {
      pid,
      name: nameOf(command),
      cpuSeconds: stat.cpuSeconds,
      rssMb: kb('Rss') / 1_024,
      pssMb: kb('Pss') / 1_024,
    };
  } catch {
    return undefined;
  }
}

function statOf(pid: number): { parent: number; cpuSeconds: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}

function nameOf(command: string): string {
  if (command.startsWith('postgres')) return 'postgres';
  const script = /dist\/(\S+?)\.js/.exec(command)?.[1];
  return script ?? command.split(' ')[0]?.split('/').at(-1) ?? '?';
}
