import type { EventStorage } from '../storage/event-storage.js';
import type { StoredRecord } from '../storage/record.js';
import { firstVisibleRevision } from '../writer/head.js';
import type { Heads } from '../writer/heads.js';
import { LINK_TYPE } from '../writer/stream-names.js';
import { recordOfStream } from './record-of-stream.js';
import { oldestVisibleMs } from './stream-cursor.js';

const linkType = Buffer.from(LINK_TYPE);
const linkTarget = /^(\d{1,15})@(.+)$/s;

export const isLink = (record: StoredRecord): boolean => record.type.equals(linkType);

/** The event that a link (data `<revision>@<stream>`) points to, or undefined when it is gone, hidden or never was. */
export const targetOfLink = (storage: EventStorage, heads: Heads, link: StoredRecord): StoredRecord | undefined => {
  const [, revisionText, stream] = linkTarget.exec(link.data.toString('utf8')) ?? [];
  if (revisionText === undefined || stream === undefined) return undefined;
  const head = heads.of(stream);
  const revision = Number(revisionText);
  if (head.isTombstoned || head.streamNo === 0 || revision > head.last) return undefined;
  if (revision < firstVisibleRevision(head)) return undefined;
  const record = recordOfStream(storage, head.streamNo, revision);
  return record !== undefined && record.createdMs >= oldestVisibleMs(head) ? record : undefined;
};
