import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import { metadataOf, type CommandContext } from '../platform/command/command-context.js';
import { EventStore, isReadable } from '../platform/event-store/event-store.js';
import type { Position } from '../platform/event-store/position.js';
import type { ProposedMetadata } from '../platform/event-store/stored-event.js';
import { Ids } from '../platform/ids/ids.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import { ClaimLookup } from './claim-lookup.js';
import type { TokenEvent, TokenUsageReported } from './tokens.events.js';
import { type UsageCommand, usageDecider, type UsageRefusal, type UsageState } from './usage.decider.js';
import { contentDigest, type UsageReport } from './usage-report.js';
import { UsageShard } from './usage-shard.js';
import { claimId, shardOf, usageStream, USAGE_SHARDS } from './usage-shards.js';

export type UsageRecord = TokenUsageReported['data'];

export type RecordedUsage =
  | { readonly kind: 'recorded'; readonly record: UsageRecord; readonly position: Position }
  | { readonly kind: 'duplicate'; readonly record: UsageRecord; readonly revision: bigint }
  | { readonly kind: 'conflict'; readonly record: UsageRecord };

const NO_TASKS: ReadonlySet<number> = new Set();
/** What a correction or a void came to. */
export interface AmendedUsage {
  /** After it, or as it is where it was refused. */
  readonly state: UsageState;
  readonly refusal: UsageRefusal | undefined;
  /** Undefined: nothing was appended. */
  readonly position: Position | undefined;
}

/** Turns reports into events that count exactly once. */
@Injectable()
export class UsageRecorder implements OnApplicationShutdown {
  private readonly shards: readonly UsageShard[];

  constructor(
    private readonly store: EventStore,
    private readonly directory: AgentDirectory,
    private readonly tasks: TaskDirectory,
    private readonly ids: Ids,
    lookup: ClaimLookup,
  ) {
    this.shards = Array.from({ length: USAGE_SHARDS }, (_, shard) => new UsageShard(usageStream(shard), store, lookup));
  }

  /** Resolves when the report is durable, or found to be a copy (`record` is what this call proposed, not the stored one). */
  async record(context: CommandContext, report: UsageReport): Promise<RecordedUsage> {
    const [recorded] = await this.recordAll(context, [report]);
    if (recorded === undefined) throw new Error('a report was neither recorded nor refused');
    return recorded;
  }

  /** Records many. One that fails (503) fails the call: sending the whole batch again is safe. */
  async recordAll(context: CommandContext, reports: readonly UsageReport[]): Promise<readonly RecordedUsage[]> {
    const names = [...new Set(reports.map(({ agentName }) => agentName))];
    const agentIds = new Map<string, number | null>();
    for (const name of names) {
      agentIds.set(name, (await this.directory.ownerOf(context.workspaceId, name)) ?? null);
    }
    const taskIds = reports.flatMap(({ taskId }) => taskId ?? []);
    const known = taskIds.length === 0 ? NO_TASKS : await this.tasks.existing(context.workspaceId, taskIds);
    const envelope = metadataOf(context);
    return Promise.all(
      reports.map((report) => {
        const owner = agentIds.get(report.agentName) ?? null;
        return this.recordFor(envelope, this.recordOf(context, report, owner, known), report.timestamp);
      }),
    );
  }

  /** The first report under this identity, as stored. */
  async stored(record: UsageRecord, revision: bigint): Promise<UsageRecord> {
    const [entry] = (await this.store.readStream(usageStream(shardOf(record.id)), { from: revision, max: 1 })) ?? [];
    return entry !== undefined && isReadable(entry) ? (entry.data as UsageRecord) : record;
  }

  /** Decides about the report under this id and appends what comes of it. Errors: 503. */
  async amend(context: CommandContext, id: string, command: UsageCommand): Promise<AmendedUsage> {
    const { shards, ids } = this;
    const shard = shards[shardOf(id)];
    if (shard === undefined) throw new Error('no such shard');
    const { answer, position } = await shard.amend<Omit<AmendedUsage, 'position'>>(id, (last) => {
      const own = last?.metadata.workspaceId === context.workspaceId ? last : undefined;
      const state =
        own && usageDecider.evolve(usageDecider.initialState, { type: own.type, data: own.data } as TokenEvent);
      const decision = usageDecider.decide(command, state);
      if (decision.kind === 'refused') return { event: undefined, answer: { state, refusal: decision.refusal } };
      const [event] = decision.events;
      return {
        event: event && { ...event, id: ids.newId(), metadata: metadataOf(context) },
        answer: { state: event === undefined ? state : usageDecider.evolve(state, event), refusal: undefined },
      };
    });
    return { ...answer, position };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.idle()));
  }

  private async recordFor(
    envelope: ProposedMetadata,
    record: UsageRecord,
    claimedAt: number | undefined,
  ): Promise<RecordedUsage> {
    const shard = this.shards[shardOf(record.id)];
    if (shard === undefined) throw new Error('no such shard');
    const event = {
      // Its own in every call. The store takes the same ids at the same revision for one append that is repeated, and two
      // processes would both be told that theirs was the first; the claim is in the data, and the revision decides.
      id: this.ids.newId(),
      type: 'TokenUsageReported' as const,
      data: record,
      metadata: occurredAt(envelope, claimedAt),
    };
    const result = await shard.add(event);
    return { ...result, record };
  }

  private recordOf(
    context: CommandContext,
    report: UsageReport,
    agentId: number | null,
    knownTasks: ReadonlySet<number>,
  ): UsageRecord {
    const eventId = report.eventId ?? this.ids.newId();
    const { taskId, timestamp, ...fields } = report;
    return {
      ...fields,
      id: claimId(context.workspaceId, eventId),
      eventId,
      agentId,
      timestamp: timestamp ?? context.receivedAt.getTime(),
      ...taskOf(taskId, knownTasks),
      contentDigest: contentDigest(report),
    };
  }
}

function taskOf(taskId: number | undefined, known: ReadonlySet<number>): Pick<UsageRecord, 'taskId' | 'unknownTaskId'> {
  if (taskId === undefined) return { taskId: null };
  return known.has(taskId) ? { taskId } : { taskId: null, unknownTaskId: taskId };
}

function occurredAt(envelope: ProposedMetadata, timestamp: number | undefined): ProposedMetadata {
  return timestamp === undefined ? envelope : { ...envelope, occurredAt: new Date(timestamp).toISOString() };
}
