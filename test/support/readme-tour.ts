import { readFile } from 'node:fs/promises';

export interface TourStep {
  readonly command: string;
  /** What the README shows for it; undefined when it shows nothing. */
  readonly shown: string | undefined;
}

/** The commands of the README's tour, in order, each with the output that is printed below it. */
export async function tourSteps(file = 'README.md'): Promise<TourStep[]> {
  const text = await readFile(file, 'utf8');
  const tour = /^## Five-minute tour$([^]*?)^## /m.exec(text)?.[1];
  if (tour === undefined) throw new Error(`${file} has no tour`);
  const steps: { command: string; shown: string | undefined }[] = [];
  for (const [, language, body = ''] of tour.matchAll(/^```(bash|text)\n([^]*?)^```$/gm)) {
    if (language === 'bash') steps.push({ command: body, shown: undefined });
    else Object.assign(steps.at(-1) ?? {}, { shown: body });
  }
  return steps;
}

/** Replaces what differs from run to run: ids, positions, places in a shard, times, rates. */
export function withoutRandomParts(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(/1-[0-9a-f]{32}-[0-9a-f]{8}/g, '<position>')
    .replaceAll(/\b1[0-9]{12}\b/g, '<milliseconds>')
    .replaceAll(/\b1[0-9]{9}\b/g, '<seconds>')
    .replaceAll(/usage-\d+@\d+/g, 'usage-<shard>@<revision>')
    .replaceAll(/(\d+ events, \d+ to go, \d+ a second\n)+/g, '<events>\n');
}
