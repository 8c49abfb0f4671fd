import { isLink, targetOfLink } from '../reader/links.js';
import type { StoredRecord } from '../storage/record.js';
import { readEvent } from '../wire/answers.js';
import type { NodeContext } from './node-context.js';
import type { ReadPlan } from './read-request.js';

/** So many records are looked at before other work gets its turn. */
export const PAGE_RECORDS = 256;

/** The answer for a record as the request wants it: links resolved or not, ids as text or as numbers. */
export const answerFor = (node: NodeContext, plan: ReadPlan, record: StoredRecord): Buffer => {
  if (!plan.resolveLinks || !isLink(record)) return readEvent({ event: record }, plan.uuid);
  return readEvent({ event: targetOfLink(node.storage, node.heads, record), link: record }, plan.uuid);
};

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
