import { randomUUID } from 'node:crypto';
import {
  TaskCandidateQueries,
  type CandidateAsker,
  type CandidatePlace,
  type CandidateRow,
} from '../../../projections/tasks/task-candidates.queries.js';
import { TaskLeaseQueries, type HeldRow, type TaskHolder } from '../../../projections/tasks/task-leases.queries.js';
import type { SqlReader } from '../../../projections/engine/index.js';
import type { CommandContext } from '../../../src/platform/command/command-context.js';
import type { EventStore } from '../../../src/platform/event-store/event-store.js';
import { logEnd } from '../../../src/platform/event-store/log-end.js';
import { LogTail } from '../../../src/platform/log-tail/log-tail.js';
import { DispatchGate, nothingClosed } from '../../../src/queue/dispatch-gate.js';
import { Claims } from '../../../src/queue/claims.js';
import { HeldTasks } from '../../../src/queue/held-tasks.js';
import { Holders, type ClaimIntent, type Holder } from '../../../src/queue/holders.js';
import { QueueReader } from '../../../src/queue/queue-reader.js';
import { PollCommands, type PollOutcome } from '../../../src/queue/poll.commands.js';
import { TaskDirectory, type KnownTask, type TaskOutcome } from '../../../src/tasks/task-directory.js';
import { isAssignedTo } from '../../../src/tasks/task.state.js';
import type { TaskCommand } from '../../../src/tasks/task.decider.js';
import { taskPriorities, type Recipient, type TaskFields } from '../../../src/tasks/tasks.events.js';
import { testConfig } from '../http-app.js';
import { untouchedTask } from '../untouched-task.js';
import { quietLogger } from '../quiet-logger.js';
import { agents, type AgentName } from './queue-model.js';

const noSql: SqlReader = { query: () => Promise.reject(new Error('this read model is in memory')) };

/** What the read models of one workspace show: as much of each task as they were last told. */
class ShownTasks {
  readonly rows = new Map<number, KnownTask>();

  get living(): readonly KnownTask[] {
    return [...this.rows.values()];
  }
}

class ShownCandidates extends TaskCandidateQueries {
  constructor(private readonly shown: (workspaceId: number) => ShownTasks) {
    super(noSql);
  }

  override first(
    askers: readonly CandidateAsker[],
    limit: number,
    without: readonly Pick<CandidateRow, 'taskId' | 'revision'>[],
  ): Promise<readonly (readonly CandidateRow[])[]> {
    const isShown = (row: CandidateRow) =>
      !without.some(({ taskId, revision }) => taskId === row.taskId && revision === row.revision);
    return Promise.resolve(
      askers.map(({ workspaceId, agent }) => this.all(workspaceId, agent).filter(isShown).slice(0, limit)),
    );
  }

  override after(workspaceId: number, agent: Recipient, place: CandidatePlace, limit: number) {
    const rows = this.all(workspaceId, agent).filter((row) => compared(row.place, place) > 0);
    return Promise.resolve(rows.slice(0, limit));
  }

  private all(workspaceId: number, agent: Recipient): readonly CandidateRow[] {
    return this.shown(workspaceId)
      .living.filter(({ task: { snapshot } }) => ['inbox', 'assigned'].includes(snapshot.status))
      .filter(({ task: { snapshot } }) => snapshot.assignedTo === null || isAssignedTo(snapshot, agent))
      .map(({ task: { snapshot }, revision }) => ({
        taskId: snapshot.taskId,
        revision,
        place: {
          priorityRank: taskPriorities.indexOf(snapshot.priority),
          due: String(snapshot.dueDate ?? 9e12),
          createdAt: new Date(snapshot.createdAt),
          taskId: snapshot.taskId,
        },
      }))
      .toSorted((a, b) => compared(a.place, b.place));
  }
}

function compared(a: CandidatePlace, b: CandidatePlace): number {
  return (
    a.priorityRank - b.priorityRank ||
    Number(a.due) - Number(b.due) ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    a.taskId - b.taskId
  );
}

class ShownLeases extends TaskLeaseQueries {
  constructor(private readonly shown: (workspaceId: number) => ShownTasks) {
    super(noSql);
  }

  override held(holders: readonly TaskHolder[]): Promise<readonly (readonly HeldRow[])[]> {
    return Promise.resolve(holders.map(({ workspaceId, agent }) => this.heldBy(workspaceId, agent)));
  }

  private heldBy(workspaceId: number, agent: Recipient): readonly HeldRow[] {
    return this.shown(workspaceId)
      .living.filter(({ task: { snapshot } }) => snapshot.status === 'in_progress' && isAssignedTo(snapshot, agent))
      .map(({ task: { snapshot, lease }, revision, updatedAt }) => ({
        taskId: snapshot.taskId,
        revision,
        updatedAt,
        leaseId: lease?.leaseId ?? null,
        renewedAt: lease === null ? null : updatedAt,
        leaseExpiresAt: null,
      }));
  }
}

/** A poll that stops right after its intent is stored, as a process that is suspended does. */
export class Stall {
  readonly stored: Promise<ClaimIntent>;
  noteStored: (intent: ClaimIntent) => void = () => {};
  resume: () => void = () => {};
  readonly resumed: Promise<void>;

  constructor() {
    this.stored = new Promise((resolve) => {
      this.noteStored = resolve;
    });
    this.resumed = new Promise((resolve) => {
      this.resume = resolve;
    });
  }
}

class StallingHolders extends Holders {
  /** The next intent of a poll of this workspace and agent stalls. */
  readonly stalls = new Map<string, Stall>();

  override async intend(context: CommandContext, before: Holder, intent: ClaimIntent): Promise<Holder | undefined> {
    const holder = await super.intend(context, before, intent);
    const key = stallKey(context.workspaceId, intent.agent);
    const stall = this.stalls.get(key);
    if (holder === undefined || stall === undefined) return holder;
    this.stalls.delete(key);
    stall.noteStored(intent);
    await stall.resumed;
    return holder;
  }
}

function stallKey(workspaceId: number, agent: string): string {
  return `${workspaceId} ${agent}`;
}

const workspaces = new Map<number, ShownTasks>();

function shownIn(workspaceId: number): ShownTasks {
  const shown = workspaces.get(workspaceId) ?? new ShownTasks();
  workspaces.set(workspaceId, shown);
  return shown;
}

/** No budget holds anything back. */
class OpenGate extends DispatchGate {
  override closuresFor() {
    return Promise.resolve(nothingClosed);
  }
}

/** One api process as far as the queue goes, with a memory and a tail of the log of its own. */
export class QueueProcess {
  private constructor(
    readonly polls: PollCommands,
    readonly tasks: TaskDirectory,
    readonly holders: StallingHolders,
    private readonly tail: LogTail,
  ) {}

  static async start(store: EventStore): Promise<QueueProcess> {
    const tail = new LogTail(store, quietLogger, { proveEveryMs: 200 });
    const tasks = new TaskDirectory(store, tail);
    const holders = new StallingHolders(store, tail);
    const reader = new QueueReader(new ShownCandidates(shownIn), new ShownLeases(shownIn));
    const held = new HeldTasks(reader, tasks);
    const claims = new Claims(reader, tasks, holders, new OpenGate(), testConfig());
    tail.start();
    await tail.started;
    return new QueueProcess(new PollCommands(claims, held, holders, tasks), tasks, holders, tail);
  }

  /** Waits until the memory of this process knows everything that the log holds. */
  async catchUp(store: EventStore): Promise<void> {
    if (!(await this.tail.waitFor(await logEnd(store), 10_000))) throw new Error('the tail does not move');
  }

  stop(): Promise<void> {
    return this.tail.stop();
  }
}

let lastTaskId = 0;
let lastSecond = Date.parse('2026-01-01T00:00:00.000Z') / 1_000;

/** A workspace of its own on a real event store, asked through several processes. */
export class QueueWorld {
  /** Moves with every step of time. */
  private now = new Date('2026-01-02T00:00:00.000Z');

  constructor(
    private readonly store: EventStore,
    private readonly processes: readonly QueueProcess[],
    private readonly workspaceId: number,
  ) {}

  passTime(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1_000);
  }

  async create(fields: Partial<TaskFields>): Promise<number> {
    const taskId = (lastTaskId += 1);
    const at = (lastSecond += 1);
    await this.execute(taskId, {
      type: 'CreateTask',
      taskId,
      fields: { ...untouchedTask, ...fields },
      author: { name: 'tester', agentId: null },
      createdAt: new Date(at * 1_000).toISOString(),
      at,
      mentions: [],
    });
    return taskId;
  }

  poll(agent: AgentName, capacity: number, process: number): Promise<PollOutcome> {
    return this.process(process).polls.poll(this.context(), recipient(agent), capacity);
  }

  execute(taskId: number, command: TaskCommand, expected?: bigint): Promise<TaskOutcome> {
    return this.process(taskId).tasks.execute(
      this.context(),
      taskId,
      command,
      expected === undefined ? undefined : [expected],
    );
  }

  /** A poll that is suspended when its intent is stored, and the intent. */
  async stalledPoll(agent: AgentName, capacity: number, process: number) {
    const stall = new Stall();
    this.process(process).holders.stalls.set(stallKey(this.workspaceId, agent), stall);
    const outcome = this.poll(agent, capacity, process);
    const intent = await Promise.race([stall.stored, outcome.then(() => undefined)]);
    if (intent === undefined) throw new Error('the poll did not come to intend anything');
    return { intent, outcome, resume: stall.resume };
  }

  /** Undefined: there is none any more. */
  find(taskId: number): Promise<KnownTask | undefined> {
    return this.process(taskId).tasks.refresh(this.workspaceId, taskId);
  }

  /** The task as its stream has it, in the words of the model. */
  async state(taskId: number): Promise<unknown> {
    const known = await this.find(taskId);
    if (known === undefined) return 'deleted';
    const { snapshot, lease } = known.task;
    return { status: snapshot.status, assignee: snapshot.assignedTo, leaseId: lease?.leaseId ?? null };
  }

  /** The read models show everything about these tasks, and nothing new about the others. */
  async show(taskIds: readonly number[]): Promise<void> {
    const { rows } = shownIn(this.workspaceId);
    for (const taskId of taskIds) {
      const known = await this.find(taskId);
      if (known === undefined) rows.delete(taskId);
      else rows.set(taskId, known);
    }
  }

  /** The memories of the processes know everything; the read models need not. */
  async settle(): Promise<void> {
    for (const process of this.processes) await process.catchUp(this.store);
  }

  private process(nth: number): QueueProcess {
    const process = this.processes[nth % this.processes.length];
    if (process === undefined) throw new Error('there is no process');
    return process;
  }

  private context(): CommandContext {
    return {
      commandId: randomUUID(),
      keyed: false,
      workspaceId: this.workspaceId,
      correlationId: randomUUID(),
      actor: { kind: 'system', id: 'test', name: 'tester' },
      receivedAt: this.now,
    };
  }
}

export function recipient(agent: AgentName): Recipient {
  return { name: agent, agentId: agents[agent] };
}
