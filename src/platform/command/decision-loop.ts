import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Decision } from '../decider/decider.js';
import { EventStore } from '../event-store/event-store.js';
import { OutcomeUnknown, RevisionConflict } from '../event-store/event-store.errors.js';
import type { Position } from '../event-store/position.js';
import type { DomainEvent, ProposedEvent, StoredEvent } from '../event-store/stored-event.js';
import { unavailable } from '../http/errors.js';
import { eventIdOf } from '../ids/ids.js';
import { foldAll, type Aggregates, type Fold, type Loaded } from './aggregates.js';
import { metadataOf, type CommandContext } from './command-context.js';
import { KeyedMutex } from './keyed-mutex.js';

const MAX_ATTEMPTS = 10;
const MAX_MS = 4_000;

/** What came of a command on one stream. */
export type Outcome<State, E extends DomainEvent, Refusal> =
  | {
      readonly kind: 'accepted';
      /** State after the command (after its own events, for a repeat). */
      readonly state: State;
      readonly revision: bigint;
      /** Position of the command's last event, or of the stream's last event when the goal already held. */
      readonly position: Position | undefined;
      /** The events as stored; empty when the goal already held. */
      readonly events: readonly E[];
      /** True when an earlier attempt of the same command had already stored them. */
      readonly replayed: boolean;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly state: State };

/**
 * Load, decide, append with the expected revision, and again on conflict (bounded, with jitter): section 3.1 of the
 * design's event-sourcing rules. An unknown outcome leaves as `OutcomeUnknown`, contention that does not settle as 503.
 */
export class DecisionLoop<State, E extends DomainEvent> {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly store: EventStore,
    private readonly aggregates: Aggregates<State, E>,
    private readonly fold: Fold<State, E>,
  ) {}

  async execute<Refusal>(
    stream: string,
    context: CommandContext,
    decide: (loaded: Loaded<State>) => Decision<E, Refusal>,
  ): Promise<Outcome<State, E, Refusal>> {
    return this.mutex.run(stream, () => this.run(stream, context, decide));
  }

  private async run<Refusal>(
    stream: string,
    context: CommandContext,
    decide: (loaded: Loaded<State>) => Decision<E, Refusal>,
  ): Promise<Outcome<State, E, Refusal>> {
    const startedAt = performance.now();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && performance.now() - startedAt < MAX_MS; attempt += 1) {
      const afresh = attempt > 0 || context.keyed ? await this.aggregates.reloadWithHistory(stream) : undefined;
      const earlier = afresh && this.earlierOutcome(afresh.history, context);
      if (earlier !== undefined) return earlier;
      const loaded = afresh?.loaded ?? (await this.aggregates.load(stream));
      const decision = decide(loaded);
      if (decision.kind === 'refused') {
        // A refusal must not rest on memory alone: an append would have been stopped by its expected revision.
        if (afresh !== undefined || (await this.aggregates.reload(stream)).revision === loaded.revision) {
          return { kind: 'refused', refusal: decision.refusal, state: loaded.state };
        }
        continue;
      }
      if (decision.events.length === 0) {
        if (afresh === undefined && (await this.aggregates.reload(stream)).revision !== loaded.revision) continue;
        return { kind: 'accepted', ...pick(loaded), events: [], replayed: false };
      }
      const appended = await this.append(stream, context, loaded, decision.events);
      if (appended !== undefined) return appended;
      await pause(randomInt(0, Math.min(5 * 2 ** attempt, 100) + 1));
    }
    throw unavailable('Too many callers changed the same thing at once');
  }

  private async append(
    stream: string,
    context: CommandContext,
    loaded: Loaded<State>,
    events: readonly E[],
  ): Promise<Outcome<State, E, never> | undefined> {
    const proposed: ProposedEvent<E>[] = events.map((event, index) => ({
      id: eventIdOf(context.commandId, index),
      type: event.type,
      data: event.data,
      metadata: metadataOf(context),
    }));
    try {
      const { revision, position } = await this.store.append(
        stream,
        proposed,
        loaded.revision < 0n ? 'no_stream' : loaded.revision,
      );
      const first = revision - BigInt(events.length - 1);
      for (const [index, event] of proposed.entries()) {
        this.aggregates.apply({ ...event, stream, revision: first + BigInt(index), position });
      }
      const state = events.reduce(this.fold.evolve, loaded.state);
      return { kind: 'accepted', state, revision, position, events, replayed: false };
    } catch (error) {
      if (error instanceof RevisionConflict) return undefined;
      if (error instanceof OutcomeUnknown) this.aggregates.forget(stream);
      throw error;
    }
  }

  /** An earlier attempt of this very command, found by its events: answered from what is stored, never from a new proposal. */
  private earlierOutcome(
    history: readonly StoredEvent<E>[],
    context: CommandContext,
  ): Outcome<State, E, never> | undefined {
    const own = history.filter((event) => event.metadata.commandId === context.commandId);
    const last = own.at(-1);
    if (last === undefined) return undefined;
    const upTo = history.filter((event) => event.revision <= last.revision);
    return {
      kind: 'accepted',
      ...pick(foldAll(this.fold, upTo)),
      events: own.map((event) => ({ type: event.type, data: event.data }) as E),
      replayed: true,
    };
  }
}

function pick<State>({ state, revision, position }: Loaded<State>) {
  return { state, revision, position };
}
