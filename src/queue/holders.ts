import { Injectable, Optional } from '@nestjs/common';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
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

  constructor(
    private readonly store: EventStore,
    @Optional() private readonly tail?: LogTail,
  ) {
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        const known = this.cached.get(entry.stream);
        if (known === undefined || !isReadable(entry) || entry.revision <= known.revision) continue;
        this.cached.set(entry.stream, { ...known, revision: entry.revision, last: entry.data as ClaimIntent });
      }
    });
  }

  async load(workspaceId: number, who: Recipient): Promise<Holder> {
    const stream = holderStream(workspaceId, who);
    const known = this.cached.get(stream);
    if (known !== undefined && (this.tail?.isLive(TRUST_MS) ?? false)) return known;
    return this.reload(workspaceId, who);
  }

  async reload(workspaceId: number, who: Recipient): Promise<Holder> {
    const own = await this.read(holderStream(workspaceId, who));
    // What was claimed under the name before an agent registered under it is the agent's now.
    const asNobody = { name: who.name, agentId: null };
    const inherits = own.last === undefined && who.agentId !== null;
    const holder = inherits ? { ...own, last: (await this.read(holderStream(workspaceId, asNobody))).last } : own;
    this.keep(holder);
    return holder;
  }

  /** Undefined: somebody else has intended to take something for this agent since `before` was loaded. */
  async intend(context: CommandContext, before: Holder, intent: ClaimIntent): Promise<Holder | undefined> {
    const event = {
      id: eventIdOf(derivedId('claim-intent', intent.leaseId), 0),
      type: 'ClaimIntended',
      data: intent,
      metadata: metadataOf(context),
    };
    try {
      const expected = before.revision < 0n ? 'no_stream' : before.revision;
      const { revision } = await this.store.append(before.stream, [event], expected);
      const holder = { stream: before.stream, revision, last: intent };
      this.keep(holder);
      return holder;
    } catch (error) {
      if (error instanceof RevisionConflict || error instanceof OutcomeUnknown) this.cached.delete(before.stream);
      if (error instanceof RevisionConflict) return undefined;
      throw error;
    }
  }

  private async read(stream: string): Promise<Holder> {
    const [last] = (await this.store.readStreamBackwards(stream, { max: 1 })) ?? [];
    if (last === undefined) return { stream, revision: -1n, last: undefined };
    if (!isReadable(last)) throw new StoreUnavailable(`${stream} holds an event that this version cannot read`);
    return { stream, revision: last.revision, last: last.data as ClaimIntent };
  }

  private keep(holder: Holder): void {
    const known = this.cached.get(holder.stream);
    if (holder.revision < 0n || (known !== undefined && known.revision > holder.revision)) return;
    this.cached.delete(holder.stream);
    this.cached.set(holder.stream, holder);
    if (this.cached.size <= MAX_CACHED) return;
    const oldest = this.cached.keys().next();
    if (oldest.done !== true) this.cached.delete(oldest.value);
  }
}

/** One an agent; an agent that nobody has registered goes by its name. */
function holderStream(workspaceId: number, { name, agentId }: Recipient): string {
  const identity = agentId === null ? (['name', name] as const) : (['agent', agentId] as const);
  return `holder-${derivedId('holder', workspaceId, ...identity)}`;
}
