import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readTranscriptLine, TranscriptUsage } from '../../src/imports/claude-transcript.js';

const MAX_LISTED = 20;

export interface BrokenLine {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** What reading has come to. */
export interface TranscriptReading {
  readonly usage: TranscriptUsage;
  readonly files: number;
  readonly lines: number;
  readonly broken: number;
  /** The first of them. */
  readonly listed: readonly BrokenLine[];
}

/** The transcripts among files and folders (those with their subfolders), in the order of their paths. Throws for a path that is not there. */
export async function transcriptFiles(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(async (path) => ((await stat(path)).isDirectory() ? inFolder(path) : [path])),
  );
  return [...new Set(found.flat())].toSorted();
}

/** Reads line by line: a file may be larger than memory. A broken line is counted, and the rest goes on. */
export async function readTranscripts(files: readonly string[], agent: string): Promise<TranscriptReading> {
  const usage = new TranscriptUsage();
  const listed: BrokenLine[] = [];
  let lines = 0;
  let broken = 0;
  for (const file of files) {
    let number = 0;
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (text.trim() === '') continue;
      lines += 1;
      const line = readTranscriptLine(text, agent);
      if (line.kind === 'usage') usage.add(line.usage);
      if (line.kind !== 'broken') continue;
      broken += 1;
      if (listed.length < MAX_LISTED) listed.push({ file, line: number, reason: line.reason });
    }
  }
  return { usage, files: files.length, lines, broken, listed };
}

async function inFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map((entry) => join(entry.parentPath, entry.name));
}
