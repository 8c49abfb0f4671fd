import { hash } from 'node:crypto';

const MAX = 200;

/** An `eventId` made of what a source identifies its requests by: the parts where they fit, else their digest. */
export function recordId(source: string, ...parts: readonly string[]): string {
  const text = [source, ...parts].join(':');
  return text.length <= MAX ? text : `${source}:sha256:${hash('sha256', JSON.stringify(parts))}`;
}
