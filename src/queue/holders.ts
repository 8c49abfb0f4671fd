import { Injectable, Optional } from '@nestjs/common';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore, isReadable, type LogEntry } from '../platform/event-store/event-store.js';
import { OutcomeUnknown, RevisionConflict, StoreUnavailable } from '../platform/event-store/event-store.errors.js';
import { derivedId, eventIdOf } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import type { Recipient } from '../tasks/tasks.events.js';
import type { ClaimIntended } from './queue.events.js';

export type ClaimIntent = ClaimIntended['data'];

/** Where the claims of one agent stand: its last intent says all that it had, and what it was about to take. */
export interface Holder {
  readonly stream: string;
  /** -1 when it never intended to take anything. */
  readonly revision: bigint;
  readonly last: ClaimIntent | undefined;
}

const MAX_CACHED = 20_000;
/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

/**
 * The streams that make the claims of one agent come one after the other. Their last event is all that counts, so they
 * are read from the end and never folded. An old copy in memory does no harm: the next intent is refused by its revision.
 */
@Injectable()
export class Holders {
  private readonly cached = new Map<string, Holder>();
  private readonly listeners: ((intent: ClaimIntent) => void)[] = [];

  constructor(
    private readonly store: EventStore,
    @Optional() private readonly tail?: LogTail,
  ) {
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!entry.stream.startsWith('holder-') || !isReadable(entry)) continue;
        const holder = holderIn(entry.stream, entry);
        this.keep(holder);
        if (holder.last !== undefined) for (const listener of this.listeners) listener(holder.last);
      }
    });
  }

  /** Told of every intent of every process that this process learns of. */
  onIntent(listener: (intent: ClaimIntent) => void): void {
    this.listeners.push(listener);
  }

  load(workspaceId: number, who: Recipient): Promise<Holder> {
    const mayRemember = this.tail?.isLive(TRUST_MS) ?? false;
    return this.holder(
      workspaceId,
      who,
      (stream) => (mayRemember ? this.cached.get(stream) : undefined) ?? this.read(stream),
    );
  }

  /** As {@link load}, straight from the store. */
  reload(workspaceId: number, who: Recipient): Promise<Holder> {
    return this.holder(workspaceId, who, (stream) => this.read(stream));
  }

  /** Undefined: somebody else has intended to take something for this agent since `before` was loaded. */
  async intend(context: CommandContext, before: Holder, intent: ClaimIntent): Promise<Holder | undefined> {
    const { stream } = before;
    const event = {
      id: eventIdOf(derivedId('claim-intent', intent.leaseId), 0),
      type: 'ClaimIntended',
      data: intent,
      metadata: metadataOf(context),
    };
    try {
      const { revision } = await this.store.append(
        stream,
        [event],
        before.revision < 0n ? 'no_stream' : before.revision,
      );
      const holder = { stream, revision, last: intent };
      this.keep(holder);
      return holder;
    } catch (error) {
      if (error instanceof RevisionConflict || error instanceof OutcomeUnknown) this.cached.delete(stream);
      if (error instanceof RevisionConflict) return undefined;
      throw error;
    }
  }

  private async holder(
    workspaceId: number,
    who: Recipient,
    look: (stream: string) => Holder | Promise<Holder>,
  ): Promise<Holder> {
    const own = await look(holderStream(workspaceId, who));
    if (own.last !== undefined || who.agentId === null) return own;
    // What was claimed under the name before an agent registered under it is the agent's now.
    return { ...own, last: (await look(holderStream(workspaceId, { name: who.name, agentId: null }))).last };
  }

  private async read(stream: string): Promise<Holder> {
    const [entry] = (await this.store.readStreamBackwards(stream, { max: 1 })) ?? [];
    const holder = holderIn(stream, entry);
    this.keep(holder);
    return holder;
  }

  private keep(holder: Holder): void {
    const known = this.cached.get(holder.stream);
    if (known !== undefined && known.revision > holder.revision) return;
    this.cached.delete(holder.stream);
    this.cached.set(holder.stream, holder);
    if (this.cached.size <= MAX_CACHED) return;
    const oldest = this.cached.keys().next();
    if (oldest.done !== true) this.cached.delete(oldest.value);
  }
}

function holderIn(stream: string, entry: LogEntry | undefined): Holder {
  if (entry === undefined) return { stream, revision: -1n, last: undefined };
  if (!isReadable(entry)) throw new StoreUnavailable(`${stream} holds an event that this version cannot read`);
  return { stream, revision: entry.revision, last: entry.data as ClaimIntent };
}

/** One an agent; an agent that nobody has registered goes by its name. */
function holderStream(workspaceId: number, { name, agentId }: Recipient): string {
  const identity = agentId === null ? (['name', name] as const) : (['agent', agentId] as const);
  return `holder-${derivedId('holder', workspaceId, ...identity)}`;
}
