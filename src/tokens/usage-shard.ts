import { setTimeout as pause } from 'node:timers/promises';
import { randomInt } from 'node:crypto';
import { EventStore, isReadable, type LogEntry } from '../platform/event-store/event-store.js';
import { OutcomeUnknown, RevisionConflict } from '../platform/event-store/event-store.errors.js';
import {
  BEFORE_EVERYTHING,
  comparePositions,
  isAfter,
  laterOf,
  type Position,
} from '../platform/event-store/position.js';
import type { ProposedEvent, StoredEvent } from '../platform/event-store/stored-event.js';
import { KeyedMutex } from '../platform/command/keyed-mutex.js';
import { GroupCommit } from '../platform/group-commit/group-commit.js';
import { unavailable } from '../platform/http/errors.js';
import type { ClaimLookup, ClaimSnapshot } from './claim-lookup.js';
import type { TokenEvent, TokenUsageReported } from './tokens.events.js';

export type UsageEvent = ProposedEvent<TokenUsageReported>;

export type ShardResult =
  | { readonly kind: 'recorded'; readonly position: Position }
  | { readonly kind: 'duplicate'; readonly revision: bigint }
  | { readonly kind: 'conflict' };

/** What a change of a report comes to; `undefined` proposes nothing. */
export interface Amending<Answer> {
  readonly event: ProposedEvent | undefined;
  readonly answer: Answer;
}

interface WindowEntry {
  readonly contentDigest: string;
  readonly revision: bigint;
  readonly position: Position;
}

/** The last correction or void of a report. */
interface AmendedEntry {
  readonly latestRevision: bigint;
  readonly position: Position;
}

const MAX_ATTEMPTS = 10;
const MAX_WINDOW = 200_000;
const PAGE = 1_000;
const MAX_APPEND_BYTES = 700_000;

/**
 * One shard of the reports. The claims that exist are a snapshot (the ledger up to its checkpoint) plus the events of
 * the stream after it, which stay in memory here; an append carries the revision that this knowledge reaches up to, so
 * any other writer's report in between refuses it and is taken in first. That is why a report counts once, whatever
 * replicas, retries and restarts do.
 */
export class UsageShard {
  /** Events of the stream with a position after `floor`, in order. */
  private readonly window = new Map<string, WindowEntry>();
  private readonly amended = new Map<string, AmendedEntry>();
  /** Reports and amendments take turns: both move `revision`. */
  private readonly turns = new KeyedMutex();
  private floor: Position = BEFORE_EVERYTHING;
  /** Last revision that the window covers; undefined: not known, read the stream. */
  private revision: bigint | undefined;
  private readonly group: GroupCommit<UsageEvent, ShardResult>;

  constructor(
    private readonly stream: string,
    private readonly store: EventStore,
    private readonly lookup: ClaimLookup,
  ) {
    this.group = new GroupCommit((events) => this.turns.run(stream, () => this.flush(events)), {
      maxItems: 1_000,
      gatherMs: 1,
      maxWaiting: 50_000,
      overload: () => unavailable('Too many token reports are waiting to be stored'),
    });
  }

  /** Resolves when the report is durable, or known as a copy or a contradiction of one that is. */
  add(event: UsageEvent): Promise<ShardResult> {
    return this.group.add(event);
  }

  /**
   * Decides about one report by its last event and appends what comes of it, with the revision that was looked at:
   * whoever was faster is taken in first. `last` is undefined when nothing was reported under the id.
   */
  amend<Answer>(
    id: string,
    decide: (last: StoredEvent<TokenEvent> | undefined) => Amending<Answer>,
  ): Promise<Amending<Answer> & { readonly position: Position | undefined }> {
    return this.turns.run(this.stream, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const { claims } = await this.snapshotFor([id]);
        // What others appended meanwhile may decide it otherwise, and no append would tell when nothing is proposed.
        await this.catchUp();
        const latest =
          this.amended.get(id)?.latestRevision ?? this.window.get(id)?.revision ?? claims.get(id)?.latestRevision;
        const decided = decide(latest === undefined ? undefined : await this.eventAt(latest));
        if (decided.event === undefined) return { ...decided, position: undefined };
        const position = await this.appendOne(id, decided.event);
        if (position !== undefined) return { ...decided, position };
        await pause(randomInt(0, Math.min(5 * 2 ** attempt, 100) + 1));
      }
      throw unavailable('Too many writers reported at once');
    });
  }

  idle(): Promise<void> {
    return this.group.idle();
  }

  private async eventAt(revision: bigint): Promise<StoredEvent<TokenEvent>> {
    const [entry] = (await this.store.readStream(this.stream, { from: revision, max: 1 })) ?? [];
    if (entry === undefined || !isReadable(entry)) throw unavailable('The report cannot be read');
    return entry as StoredEvent<TokenEvent>;
  }

  /** Undefined: another writer was faster. */
  private async appendOne(id: string, event: ProposedEvent): Promise<Position | undefined> {
    const before = this.revision ?? -1n;
    try {
      const { revision, position } = await this.store.append(this.stream, [event], before < 0n ? 'no_stream' : before);
      this.revision = revision;
      this.noteAmended(id, revision, position);
      return position;
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.revision = undefined;
      if (!(error instanceof RevisionConflict)) throw error;
      return undefined;
    }
  }

  private async flush(events: readonly UsageEvent[]): Promise<readonly PromiseSettledResult<ShardResult>[]> {
    const results = new Map<UsageEvent, ShardResult>();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const open = events.filter((event) => !results.has(event));
      if (open.length === 0) break;
      const { fresh, checkpoint } = await this.classify(open, results);
      const settled = await this.appendAll(fresh, results);
      this.prune(checkpoint);
      if (!settled) await pause(randomInt(0, Math.min(5 * 2 ** attempt, 100) + 1));
    }
    return events.map((event) => {
      const value = results.get(event);
      return value === undefined
        ? { status: 'rejected', reason: unavailable('Too many writers reported at once') }
        : { status: 'fulfilled', value };
    });
  }

  /** Answers copies and contradictions; what is left is new, as far as snapshot and window can tell. */
  private async classify(
    events: readonly UsageEvent[],
    results: Map<UsageEvent, ShardResult>,
  ): Promise<{ fresh: readonly UsageEvent[]; checkpoint: Position }> {
    const { checkpoint, claims } = await this.snapshotFor(events.map(({ data }) => data.id));
    const fresh = new Map<string, UsageEvent>();
    for (const event of events) {
      const { id, contentDigest } = event.data;
      const known = this.window.get(id) ?? claims.get(id);
      if (known !== undefined) {
        const same = known.contentDigest === contentDigest;
        results.set(event, same ? { kind: 'duplicate', revision: known.revision } : { kind: 'conflict' });
      } else if (!fresh.has(id)) fresh.set(id, event);
    }
    return { fresh: [...fresh.values()], checkpoint };
  }

  /**
   * The ledger's answer, with the window brought to where it begins. A window that is thrown away takes with it what it
   * knew about these very ids, so after that the ledger is asked about all of them.
   */
  private async snapshotFor(ids: readonly string[]): Promise<ClaimSnapshot> {
    if (this.revision !== undefined) {
      const snapshot = await this.lookup.find(ids.filter((id) => !this.window.has(id)));
      if (!isAfter(this.floor, snapshot.checkpoint)) return snapshot;
    }
    const snapshot = await this.lookup.find(ids);
    await this.reload(snapshot.checkpoint);
    return snapshot;
  }

  /** False when another writer was faster: its events are in the window now, and the rest must be classified again. */
  private async appendAll(fresh: readonly UsageEvent[], results: Map<UsageEvent, ShardResult>): Promise<boolean> {
    for (const group of bySize(fresh)) {
      const before = this.revision ?? -1n;
      try {
        const { revision, position } = await this.store.append(this.stream, group, before < 0n ? 'no_stream' : before);
        group.forEach((event, index) => {
          this.remember(event.data.id, event.data.contentDigest, before + 1n + BigInt(index), position);
          results.set(event, { kind: 'recorded', position });
        });
        this.revision = revision;
      } catch (error) {
        if (error instanceof OutcomeUnknown) this.revision = undefined;
        if (!(error instanceof RevisionConflict)) throw error;
        await this.catchUp();
        return false;
      }
    }
    return true;
  }

  /** Reads what other writers appended after the last known revision. */
  private async catchUp(): Promise<void> {
    for (;;) {
      const from = (this.revision ?? -1n) + 1n;
      const page = (await this.store.readStream(this.stream, { from, max: PAGE })) ?? [];
      for (const entry of page) this.take(entry);
      const last = page.at(-1);
      if (last !== undefined) this.revision = last.revision;
      if (page.length < PAGE) return;
    }
  }

  /** Starts over: everything of the stream after `checkpoint`, read from its end backwards. */
  private async reload(checkpoint: Position): Promise<void> {
    const found: LogEntry[] = [];
    let from: bigint | undefined;
    for (;;) {
      const page =
        (await this.store.readStreamBackwards(this.stream, { max: PAGE, ...(from === undefined ? {} : { from }) })) ??
        [];
      const after = page.filter((entry) => isAfter(entry.position, checkpoint));
      found.push(...after);
      this.revision = found[0]?.revision ?? page[0]?.revision ?? -1n;
      const last = page.at(-1);
      if (last === undefined || after.length < page.length || last.revision === 0n) break;
      if (found.length > MAX_WINDOW) throw unavailable('The token ledger is too far behind the log', 5);
      from = last.revision - 1n;
    }
    this.window.clear();
    this.amended.clear();
    for (const entry of found.toReversed()) this.take(entry);
    this.floor = checkpoint;
  }

  private take(entry: LogEntry): void {
    if (!isReadable(entry)) return;
    const { id, contentDigest } = entry.data as TokenUsageReported['data'];
    if (entry.type === 'TokenUsageReported') this.remember(id, contentDigest, entry.revision, entry.position);
    else if (entry.type === 'TokenUsageCorrected' || entry.type === 'TokenUsageVoided') {
      this.noteAmended(id, entry.revision, entry.position);
    }
  }

  /** The newest stand last, as {@link prune} expects. */
  private noteAmended(id: string, latestRevision: bigint, position: Position): void {
    this.amended.delete(id);
    this.amended.set(id, { latestRevision, position });
  }

  private remember(id: string, contentDigest: string, revision: bigint, position: Position): void {
    if (!this.window.has(id)) this.window.set(id, { contentDigest, revision, position });
  }

  /** The snapshot covers what it has reached, so the window need not. */
  private prune(checkpoint: Position): void {
    for (const known of [this.window, this.amended]) {
      for (const [id, { position }] of known) {
        if (comparePositions(position, checkpoint) > 0) break;
        known.delete(id);
      }
    }
    this.floor = laterOf(this.floor, checkpoint);
  }
}

/** Groups that stay well below the store's size limit for one append. */
function bySize(events: readonly UsageEvent[]): readonly (readonly UsageEvent[])[] {
  const groups: UsageEvent[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const { model, sessionId, eventId } = event.data;
    const size = 1_100 + 3 * (model.length + 2 * sessionId.length + eventId.length + event.metadata.actor.name.length);
    if (bytes + size > MAX_APPEND_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(event);
    bytes += size;
  }
  return groups;
}
