import { Injectable } from '@nestjs/common';
import type { CommandContext } from '../platform/command/command-context.js';
import type { Position } from '../platform/event-store/position.js';
import { invalid, Refusal } from '../platform/http/errors.js';
import { PriceBook } from './price-book.js';
import { priceBookDecider, type HashedDocument, type PriceBookState, type PriceCommand } from './price-book.decider.js';
import { priceDifference, type PriceDifference } from './price-difference.js';
import { parsePriceDocument } from './price-document.js';

export interface PriceRevision {
  /** After the command; before it for a dry run. */
  readonly bookVersion: number;
  readonly difference: PriceDifference;
  /** False: the prices were like this already. */
  readonly isChange: boolean;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

/** How prices are revised, for real or to see what would come of it. */
@Injectable()
export class PriceCommands {
  constructor(private readonly book: PriceBook) {}

  /** What a command would do now. Errors: 412 for another book version. */
  async preview(command: PriceCommand): Promise<PriceRevision> {
    const { state, position } = await this.book.load();
    const decision = priceBookDecider.decide(command, state);
    if (decision.kind === 'refused') throw versionMismatch(state);
    return {
      bookVersion: state.bookVersion,
      difference: priceDifference(state, decision.events),
      isChange: decision.events.length > 0,
      position,
      replayed: false,
    };
  }

  /** Errors: 412 for another book version. */
  async revise(context: CommandContext, command: PriceCommand): Promise<PriceRevision> {
    const outcome = await this.book.execute(context, command);
    if (outcome.kind === 'refused') throw versionMismatch(outcome.state);
    const [first] = outcome.events;
    const before = first === undefined ? undefined : await this.book.at(first.data.bookVersion - 1);
    return {
      bookVersion: outcome.state.bookVersion,
      difference: priceDifference(before?.state ?? outcome.state, outcome.events),
      isChange: outcome.events.length > 0,
      position: outcome.position,
      replayed: outcome.replayed,
    };
  }
}

/** The document in a body. Errors: 400 with every fault and its path. */
export function documentIn(body: unknown): HashedDocument {
  const parsed = parsePriceDocument(body);
  if (parsed.kind === 'invalid') throw invalid(parsed.faults, 'Invalid price document');
  return { document: parsed.document, hash: parsed.hash };
}

function versionMismatch({ bookVersion }: PriceBookState): Refusal {
  return new Refusal(412, 'The prices were revised meanwhile', { bookVersion }, { etag: `"${bookVersion}"` });
}
