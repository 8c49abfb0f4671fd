import { LOG_START } from '../storage/event-storage.js';
import { BadFilter, compileFilter, type EventFilter } from '../reader/event-filter.js';
import { toOrdinal, toUint64 } from '../wire/int64.js';
import type { ReadOptions } from '../wire/request-messages.js';
import { BadProposal, streamNameOf } from './proposals.js';

export interface ReadPlan {
  /** Undefined: the whole log. */
  readonly stream: string | undefined;
  readonly backwards: boolean;
  readonly from: ReadFrom;
  /** Undefined: a subscription. */
  readonly count: number | undefined;
  readonly filter: EventFilter | undefined;
  readonly resolveLinks: boolean;
  readonly uuid: 'text' | 'structured';
}

/**
 * Where to begin. `at` is a revision, or the commit part of a position; `isAfterPrepare` says that the pair lies at or
 * behind the event that commits there (the prepare part is not below the commit part).
 */
export type ReadFrom =
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'at'; readonly at: number; readonly includesEvent: boolean };

const BACKWARDS = 1;

const fromOf = (options: ReadOptions): ReadFrom => {
  if (options.source === 'stream') {
    const { from, revision } = options.stream ?? {};
    if (from === 'start' || from === 'end') return { kind: from };
    if (from !== 'revision' || !revision) throw new BadProposal('Where to begin is required.');
    return toOrdinal(revision) === Infinity
      ? { kind: 'end' }
      : { kind: 'at', at: toOrdinal(revision), includesEvent: true };
  }
  const { from, position } = options.all ?? {};
  if (from === 'start' || from === 'end') return { kind: from };
  if (from !== 'position' || !position) throw new BadProposal('Where to begin is required.');
  const commit = toUint64(position.commit);
  const prepare = toUint64(position.prepare);
  if (commit < prepare) throw new BadProposal('The commit position is below the prepare position.');
  if (toOrdinal(position.commit) === Infinity) return { kind: 'end' };
  return { kind: 'at', at: Number(commit), includesEvent: prepare >= commit };
};

const filterOf = (options: ReadOptions): EventFilter | undefined => {
  if (options.filtering !== 'filter' || !options.filter) return undefined;
  if (options.source === 'stream') throw new BadProposal('A filter is for the whole log only.');
  try {
    const filter = compileFilter(options.filter);
    if (options.amount === 'subscription' && !(filter.checkpointEvery > 0)) {
      throw new BadProposal('The checkpoint interval must be above 0.');
    }
    return filter;
  } catch (error) {
    throw error instanceof BadFilter ? new BadProposal(error.message) : error;
  }
};

const countOf = (options: ReadOptions): number | undefined => {
  if (options.amount === 'subscription') return undefined;
  if (options.amount !== 'count' || !options.count) throw new BadProposal('A count, or a subscription, is required.');
  return toOrdinal(options.count);
};

/**
 * Checks a read request and says it in the node's own terms.
 * @throws BadProposal
 */
export const readPlanOf = (options: ReadOptions | null | undefined): ReadPlan => {
  if (!options || options.source === undefined) throw new BadProposal('What to read is required.');
  const uuid = options.uuidOption?.content;
  if (uuid === undefined) throw new BadProposal('The form of event ids is required.');
  if (options.readDirection !== 0 && options.readDirection !== BACKWARDS) throw new BadProposal('Unknown direction.');
  const plan: ReadPlan = {
    stream: options.source === 'stream' ? streamNameOf(options.stream?.streamIdentifier) : undefined,
    backwards: options.readDirection === BACKWARDS,
    from: fromOf(options),
    count: countOf(options),
    filter: filterOf(options),
    resolveLinks: options.resolveLinks,
    uuid,
  };
  if (plan.count === undefined && plan.backwards) throw new BadProposal('A subscription goes forwards.');
  return plan;
};

/** The first position of a forward read of the log: the event that commits at the given position is included. */
export const forwardStart = (from: ReadFrom, logEnd: number): number => {
  if (from.kind === 'start') return LOG_START;
  return from.kind === 'end' ? logEnd : from.at;
};

/** The first position that a subscription delivers: strictly behind the given pair. */
export const subscriptionStart = (from: ReadFrom, logEnd: number): number => {
  if (from.kind !== 'at') return forwardStart(from, logEnd);
  return from.includesEvent ? from.at + 1 : from.at;
};
