import type { ClaimIntent } from '../../../src/queue/holders.js';
import type { PollOutcome } from '../../../src/queue/poll.commands.js';
import { taskPriorities, type TaskPriority } from '../../../src/tasks/tasks.events.js';

export type AgentName = 'ann' | 'bob' | 'cid';

/** One of them is registered by nobody. */
export const agents: Readonly<Record<AgentName, number | null>> = { ann: 1, bob: null, cid: 3 };
export const agentNames = Object.keys(agents) as AgentName[];

interface Place {
  readonly status: string;
  readonly assignee: AgentName | null;
}

export interface ModelTask {
  readonly id: number;
  priority: TaskPriority;
  readonly due: number | null;
  status: string;
  assignee: AgentName | null;
  lease: { readonly id: string; readonly before: Place } | null;
  readonly ended: Map<string, 'expired' | 'released' | 'superseded'>;
  deleted: boolean;
  /** Put into the hands of its agent by somebody: no claim of the agent's own. */
  isHanded: boolean;
}

/** A poll that was suspended between its intent and its claim. */
export interface StalledPoll {
  readonly task: ModelTask;
  readonly intent: ClaimIntent;
  readonly capacity: number;
  /** Of the process that is busy with it. */
  readonly process: number;
  readonly outcome: Promise<PollOutcome>;
  readonly resume: () => void;
  /** Another poll of the agent has come upon the intent. */
  isSettled: boolean;
}

/** What the queue is meant to be, without streams, read models, processes or memory. */
export class QueueModel {
  readonly tasks: ModelTask[] = [];
  readonly stalled = new Map<AgentName, StalledPoll>();

  create(id: number, priority: TaskPriority, due: number | null, assignee: AgentName | null): void {
    const status = assignee === null ? 'inbox' : 'assigned';
    this.tasks.push({
      id,
      priority,
      due,
      status,
      assignee,
      lease: null,
      ended: new Map(),
      deleted: false,
      isHanded: false,
    });
  }

  get living(): readonly ModelTask[] {
    return this.tasks.filter(({ deleted }) => !deleted);
  }

  /** One of the living tasks; undefined when there is none. */
  pick(nth: number): ModelTask | undefined {
    return this.living[nth % Math.max(1, this.living.length)];
  }

  held(agent: AgentName): readonly ModelTask[] {
    return this.living.filter(({ status, assignee }) => status === 'in_progress' && assignee === agent);
  }

  /** What the agent has by claims of its own: never more than its capacity. */
  claimed(agent: AgentName): readonly ModelTask[] {
    return this.held(agent).filter(({ isHanded }) => !isHanded);
  }

  /**
   * Most urgent first; tasks are created one after the other. What a suspended poll has in its hands is left alone by
   * the other polls of its process.
   */
  candidates(agent: AgentName, process?: number): readonly ModelTask[] {
    const inHand = [...this.stalled.values()].filter((poll) => poll.process === process).map(({ task }) => task);
    return this.living
      .filter((task) => !inHand.includes(task))
      .filter(({ status }) => status === 'inbox' || status === 'assigned')
      .filter(({ assignee }) => assignee === null || assignee === agent)
      .toSorted(
        (a, b) =>
          taskPriorities.indexOf(a.priority) - taskPriorities.indexOf(b.priority) ||
          (a.due ?? Number.MAX_SAFE_INTEGER) - (b.due ?? Number.MAX_SAFE_INTEGER) ||
          a.id - b.id,
      );
  }

  claim(task: ModelTask, agent: AgentName, leaseId: string): void {
    const { status, assignee } = task;
    const before = { status: status === 'in_progress' ? 'assigned' : status, assignee };
    const isHanded = status === 'in_progress';
    Object.assign(task, { status: 'in_progress', assignee: agent, lease: { id: leaseId, before }, isHanded });
  }

  giveBack(task: ModelTask, how: 'expired' | 'released'): void {
    if (task.lease === null) return;
    Object.assign(task, task.lease.before);
    this.end(task, how);
  }

  /** A change by somebody: another state or other hands end the lease. */
  set(task: ModelTask, to: Partial<Place>): void {
    const { status, assignee } = task;
    Object.assign(task, to);
    if (task.status !== 'in_progress' || task.assignee !== assignee) this.end(task, 'superseded');
    if (task.status !== status || task.assignee !== assignee) task.isHanded = task.status === 'in_progress';
  }

  expected({ deleted, status, assignee, lease }: ModelTask): unknown {
    return deleted ? 'deleted' : { status, assignee, leaseId: lease?.id ?? null };
  }

  private end(task: ModelTask, how: 'expired' | 'released' | 'superseded'): void {
    if (task.lease !== null) task.ended.set(task.lease.id, how);
    task.lease = null;
  }
}
