import type { FastifyReply } from 'fastify';
import type { Json } from '../platform/event-store/stored-event.js';
import { badRequest } from '../platform/http/errors.js';

const STRONG = /^"?(\d{1,18})"?$/;
/** RFC 9110, section 8.8.3; the quotes may be missing. */
const ANY = /^(?:W\/)?(?:"([^"]*)"|([^",\s]+))$/;

export function etagOf(revision: bigint | number): string {
  return `"${revision}"`;
}

/** The revisions that `If-Match` accepts; undefined: whichever there is. Errors: 400 when it is malformed. */
export function expectedRevisions(header: string | undefined): readonly bigint[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return tagsIn(header).flatMap((tag) => {
    if (!ANY.test(tag)) throw badRequest('Invalid If-Match. Expected a revision in quotes.');
    // A weak or foreign tag is well formed and matches nothing.
    const revision = STRONG.exec(tag)?.[1];
    return revision === undefined ? [] : [BigInt(revision)];
  });
}

/** Whether `If-None-Match` names what the caller would get. */
export function isKnown(header: string | undefined, revision: bigint): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return tagsIn(header).some((tag) => {
    const match = ANY.exec(tag);
    return (match?.[1] ?? match?.[2]) === String(revision);
  });
}

function tagsIn(header: string): readonly string[] {
  return header.split(',').map((tag) => tag.trim());
}

/** Writes the tag of the task in an answer. A repeat that is answered from what was kept has the same tag. */
export function tagged(reply: FastifyReply, answer: Json): Json {
  const { task } = answer as { readonly task: { readonly revision: number } };
  reply.header('etag', etagOf(task.revision));
  return answer;
}
