import { Inject, Injectable } from '@nestjs/common';
import type { CandidateRow } from '../../projections/tasks/task-candidates.queries.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import type { Position } from '../platform/event-store/position.js';
import { unavailable } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { knownTask, TaskDirectory, type KnownTask, type TaskOutcome } from '../tasks/task-directory.js';
import { decideClaim, type ClaimTask } from '../tasks/task-lease.decider.js';
import { isClaimable } from '../tasks/task-status.js';
import type { Recipient } from '../tasks/tasks.events.js';
import { CandidateOrder } from './candidate-order.js';
import { type Closures, DispatchGate, isClosed } from './dispatch-gate.js';
import { expiryAfter, type HeldTask } from './held-tasks.js';
import { Holders, type ClaimIntent, type Holder } from './holders.js';
import { CANDIDATES_A_PAGE, QueueReader } from './queue-reader.js';

/** A task that the poll has just taken. */
export interface Claimed {
  readonly held: HeldTask;
  readonly position: Position | undefined;
}

/** What a poll goes for. */
export interface Attempt {
  readonly who: Recipient;
  readonly holder: Holder;
  readonly held: readonly HeldTask[];
  /** Tasks that others were faster with, in this poll. */
  readonly lost: Set<number>;
}

const MAX_PAGES = 20;

/**
 * Takes tasks for agents. An intent in the agent's own stream comes first, at exactly the revision that the poll decided
 * on, so that two polls of one agent never both take one; then the claim, at exactly the task's revision, so that two
 * agents never take the same. Whatever dies in between, the next poll of the agent finds the intent and settles it.
 */
@Injectable()
export class Claims {
  /** What polls of this process are about to take: others do not even try. */
  private readonly inHand = new Set<number>();
  private readonly order: CandidateOrder;
  /** Of intents of this process that have not come by in the log yet. */
  private readonly ownLeases = new Set<string>();

  constructor(
    private readonly reader: QueueReader,
    private readonly tasks: TaskDirectory,
    private readonly holders: Holders,
    private readonly gate: DispatchGate,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.order = new CandidateOrder({ index: config.apiWorker - 1, of: config.apiWorkers });
    holders.onIntent(({ taskId, taskRevision, leaseId }) => {
      const now = performance.now();
      this.order.noteIntent(taskId, BigInt(taskRevision), now);
      if (!this.ownLeases.delete(leaseId)) this.order.noteRival(now);
    });
  }

  /** The lease that this command gives on a task: a repeat of the command knows it again. */
  static leaseIdFor(context: CommandContext, taskId: number): string {
    return derivedId('lease', context.commandId, taskId);
  }

  /** Finishes the agent's last intent if nothing has happened to the task since: its claim was cut off. */
  async settle(context: CommandContext, last: ClaimIntent | undefined): Promise<void> {
    if (last === undefined) return;
    const known = await this.tasks.find(context.workspaceId, last.taskId);
    if (known !== undefined && known.revision <= BigInt(last.taskRevision)) await this.claim(context, last);
  }

  /** `none`: there is nothing to take. `overtaken`: another poll of this agent came first. */
  async take(context: CommandContext, attempt: Attempt): Promise<Claimed | 'none' | 'overtaken'> {
    const closures = await this.gate.closuresFor(context.workspaceId, attempt.who);
    if (closures.isAllClosed) return 'none';
    let { holder } = attempt;
    const tryAll = async (rows: readonly CandidateRow[]): Promise<Claimed | 'overtaken' | undefined> => {
      const free = rows.filter(({ taskId }) => !this.inHand.has(taskId) && !attempt.lost.has(taskId));
      const isCrowded = this.inHand.size > 0 || attempt.lost.size > 0;
      for (const row of this.order.of(free, performance.now(), isCrowded)) {
        if (this.inHand.has(row.taskId) || attempt.lost.has(row.taskId)) continue;
        const tried = await this.tryOne(context, { ...attempt, holder }, row, closures);
        if (tried.kind === 'claimed') return tried.claimed;
        if (tried.kind === 'overtaken') return 'overtaken';
        if (tried.kind === 'lost') {
          attempt.lost.add(row.taskId);
          this.order.noteLostRace(row.taskId, performance.now());
          ({ holder } = tried);
        }
      }
      return undefined;
    };
    const { workspaceId } = context;
    // Under load the read model still shows many that are gone: they would fill the page.
    const intended = this.order.recentlyIntended(performance.now());
    if (intended.length > 0) {
      const taken = await tryAll(await this.reader.free(workspaceId, attempt.who, intended));
      if (taken !== undefined) return taken;
    }
    let last: CandidateRow | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const rows = await this.reader.candidates(workspaceId, attempt.who, last?.place);
      const taken = await tryAll(rows);
      if (taken !== undefined) return taken;
      if (rows.length < CANDIDATES_A_PAGE) return 'none';
      last = rows.at(-1);
    }
    throw unavailable('The read model of the tasks is too far behind');
  }

  /** Gives the agent a lease on what it already has in progress. Undefined: the task has changed meanwhile. */
  async giveLease(context: CommandContext, who: Recipient, held: HeldTask): Promise<Claimed | undefined> {
    const intent = this.intent(context, { who, held: [] }, held);
    return claimedFrom(await this.claim(context, intent), intent, context);
  }

  private async tryOne(
    context: CommandContext,
    attempt: Attempt,
    row: CandidateRow,
    closures: Closures,
  ): Promise<
    | { readonly kind: 'claimed'; readonly claimed: Claimed }
    | { readonly kind: 'lost'; readonly holder: Holder }
    | { readonly kind: 'overtaken' | 'not claimable' }
  > {
    this.inHand.add(row.taskId);
    try {
      const known = await this.look(context.workspaceId, row);
      if (known === undefined || isClosed(closures, known.task.snapshot)) return { kind: 'not claimable' };
      const intent = this.intent(context, attempt, known);
      if (!isCandidate(known, commandOf(intent))) return { kind: 'not claimable' };
      const holder = await this.intend(context, attempt.holder, intent);
      if (holder === undefined) return { kind: 'overtaken' };
      if (await this.isKnownToBeLost(context, intent)) return { kind: 'lost', holder };
      const claimed = claimedFrom(await this.claim(context, intent), intent, context);
      return claimed === undefined ? { kind: 'lost', holder } : { kind: 'claimed', claimed };
    } finally {
      this.inHand.delete(row.taskId);
    }
  }

  private async intend(context: CommandContext, before: Holder, intent: ClaimIntent): Promise<Holder | undefined> {
    this.ownLeases.add(intent.leaseId);
    let after: Holder | undefined;
    try {
      after = await this.holders.intend(context, before, intent);
      return after;
    } finally {
      if (after === undefined) this.ownLeases.delete(intent.leaseId);
    }
  }

  /** Somebody was faster while the intent was written, and the log has said so already. */
  private async isKnownToBeLost({ workspaceId }: CommandContext, intent: ClaimIntent): Promise<boolean> {
    const known = await this.tasks.find(workspaceId, intent.taskId);
    return known !== undefined && known.revision > BigInt(intent.taskRevision) && !isLeasedBy(known, intent);
  }

  private async look(workspaceId: number, { taskId, revision }: CandidateRow): Promise<KnownTask | undefined> {
    const known = await this.tasks.find(workspaceId, taskId);
    return known !== undefined && known.revision >= revision ? known : this.tasks.refresh(workspaceId, taskId);
  }

  private intent(
    context: CommandContext,
    { who, held }: Pick<Attempt, 'who' | 'held'>,
    { task, revision }: KnownTask,
  ): ClaimIntent {
    const { taskId } = task.snapshot;
    return {
      agent: who.name,
      agentId: who.agentId,
      taskId,
      taskRevision: Number(revision),
      leaseId: Claims.leaseIdFor(context, taskId),
      leaseSeconds: this.config.taskLeaseSeconds,
      held: held.map((one) => ({ taskId: one.task.snapshot.taskId, revision: Number(one.revision) })),
    };
  }

  /** Whoever claims for an intent claims with the same ids at the same revision: it happens once or never. */
  private claim(context: CommandContext, intent: ClaimIntent): Promise<TaskOutcome> {
    const step = { ...context, keyed: false, commandId: derivedId('claim', intent.leaseId) };
    return this.tasks.execute(step, intent.taskId, commandOf(intent), [BigInt(intent.taskRevision)]);
  }
}

function isLeasedBy({ task }: KnownTask, { leaseId }: ClaimIntent): boolean {
  return task.lease?.leaseId === leaseId;
}

function commandOf({ leaseId, agent, agentId, leaseSeconds }: ClaimIntent): ClaimTask {
  return { type: 'ClaimTask', leaseId, holder: agent, holderAgentId: agentId, leaseSeconds };
}

function isCandidate({ task }: KnownTask, command: ClaimTask): boolean {
  return isClaimable(task.snapshot.status) && decideClaim(command, task).kind === 'accepted';
}

/** Undefined: it was lost to somebody else, or is over already. Another poll of the agent may have settled the intent. */
function claimedFrom(outcome: TaskOutcome, { leaseId }: ClaimIntent, context: CommandContext): Claimed | undefined {
  const known = afterClaim(outcome, context);
  const lease = known?.task.lease;
  if (known === undefined || lease?.leaseId !== leaseId) return undefined;
  const { updatedAt } = known;
  const leaseExpiresAt = expiryAfter(updatedAt, lease.leaseSeconds);
  return { held: { ...known, renewedAt: updatedAt, leaseExpiresAt }, position: known.position };
}

function afterClaim(outcome: TaskOutcome, { workspaceId, receivedAt }: CommandContext) {
  if (outcome.kind === 'accepted') {
    const { state: task, revision, position } = outcome;
    return task.kind === 'task' ? { task, revision, updatedAt: receivedAt, position } : undefined;
  }
  if (outcome.refusal.kind !== 'StaleRevision') return undefined;
  const { current } = outcome.refusal;
  const known = knownTask(current, workspaceId);
  return known === undefined ? undefined : { ...known, position: current.position };
}
