import {
  type Lease,
  type LeaseEffect,
  type TaskFields,
  type TaskMove,
  taskPriorities,
  type TaskSnapshot,
  taskStatuses,
} from '../../../src/tasks/tasks.events.js';
import { idOf, type Written } from './log-of.js';

const CREATED_AT = '2026-01-01T00:00:00.000Z';

/** Writes facts of tasks that follow from each other, so that a test says only what happens. */
export class TaskHistory {
  readonly written: Written[] = [];
  private readonly tasks = new Map<number, { snapshot: TaskSnapshot; lease: Lease | null; epoch: number }>();
  private readonly workspaces = new Map<number, number>();

  /** `lastId`: comments and reviews are numbered from here on. */
  constructor(private lastId = 0) {}

  create(taskId: number, fields: Partial<TaskSnapshot> = {}, workspaceId = 1): this {
    const snapshot: TaskSnapshot = {
      taskId,
      title: `Task ${taskId}`,
      description: null,
      status: 'inbox',
      priority: 'medium',
      assignedTo: null,
      assignedAgentId: null,
      projectId: 1,
      projectName: 'General',
      projectPrefix: 'TASK',
      ticketNo: taskId,
      dueDate: null,
      estimatedHours: null,
      actualHours: null,
      tags: [],
      metadata: {},
      outcome: null,
      errorMessage: null,
      resolution: null,
      feedbackRating: null,
      feedbackNotes: null,
      retryCount: 0,
      completedAt: null,
      progress: null,
      lastState: null,
      gate: 'closed',
      gateOverride: null,
      createdBy: 'tester',
      createdAt: CREATED_AT,
      ...fields,
    };
    this.workspaces.set(taskId, workspaceId);
    this.tasks.set(taskId, { snapshot, lease: null, epoch: 0 });
    return this.write(taskId, 'TaskCreated', { task: snapshot, authorAgentId: null, mentions: [] });
  }

  change(taskId: number, fields: Partial<TaskFields>, lease: LeaseEffect = 'none'): this {
    const task = this.of(taskId);
    const before: Partial<TaskSnapshot> = task.snapshot;
    const changes = (Object.keys(fields) as (keyof TaskFields)[]).toSorted();
    const previous = Object.fromEntries(changes.map((field) => [field, before[field]]));
    task.snapshot = { ...task.snapshot, ...fields };
    if (lease === 'ended') task.lease = null;
    const data = { task: task.snapshot, changes, previous, mentions: [], reason: 'edit', lease };
    return this.write(taskId, 'TaskChanged', data);
  }

  claim(taskId: number, name: string, agentId: number | null = null, leaseSeconds = 900): this {
    const task = this.of(taskId);
    task.epoch += 1;
    task.lease = {
      leaseId: idOf(`lease ${taskId} ${task.epoch}`),
      holder: name,
      holderAgentId: agentId,
      epoch: task.epoch,
      leaseSeconds,
    };
    const move = this.move(taskId, { status: 'in_progress', assignedTo: name, assignedAgentId: agentId });
    return this.write(taskId, 'TaskClaimed', { ...move, ...task.lease });
  }

  renew(taskId: number): this {
    return this.write(taskId, 'TaskLeaseRenewed', { taskId, ...this.of(taskId).lease });
  }

  giveBack(taskId: number, type: 'TaskReleased' | 'TaskLeaseExpired'): this {
    const task = this.of(taskId);
    const { lease } = task;
    task.lease = null;
    const move = this.move(taskId, { status: 'assigned' });
    const reason = type === 'TaskReleased' ? { reason: null } : {};
    return this.write(taskId, type, { ...move, leaseId: lease?.leaseId, holder: lease?.holder, ...reason });
  }

  setStatus(taskId: number, status: TaskSnapshot['status'], completedAt: number | null = null): this {
    if (status !== 'in_progress') this.of(taskId).lease = null;
    return this.write(taskId, 'TaskStatusSet', { ...this.move(taskId, { status, completedAt }), completedAt });
  }

  review(taskId: number, reviewer: string, verdict: 'approved' | 'rejected', fields: Partial<TaskSnapshot> = {}): this {
    const move = this.move(taskId, fields);
    if (move.status !== 'in_progress') this.of(taskId).lease = null;
    const { gate, errorMessage, completedAt } = this.of(taskId).snapshot;
    const reviewId = this.nextId();
    const told = { reviewId, reviewer, verdict, notes: `${verdict} by ${reviewer}`, gate, errorMessage, completedAt };
    return this.write(taskId, 'TaskReviewed', { ...move, ...told });
  }

  comment(taskId: number, author: string, content: string, lease: LeaseEffect = 'none'): this {
    const { title: taskTitle, assignedTo, assignedAgentId } = this.of(taskId).snapshot;
    return this.write(taskId, 'CommentAdded', {
      commentId: this.nextId(),
      taskId,
      taskTitle,
      author,
      authorAgentId: null,
      content,
      parentId: null,
      mentions: [{ name: 'somebody', agentId: null }],
      subscribers: [],
      assignedTo,
      assignedAgentId,
      lease,
    });
  }

  broadcast(taskId: number): this {
    const { title, assignedTo, assignedAgentId } = this.of(taskId).snapshot;
    const message = { message: 'hello', recipients: [], assignedTo, assignedAgentId };
    return this.write(taskId, 'TaskBroadcast', { taskId, title, ...message });
  }

  delete(taskId: number): this {
    const { title, status, priority, projectId, assignedTo, assignedAgentId } = this.of(taskId).snapshot;
    this.tasks.delete(taskId);
    return this.write(taskId, 'TaskDeleted', {
      taskId,
      title,
      status,
      priority,
      projectId,
      assignedTo,
      assignedAgentId,
    });
  }

  /** The tasks that are not deleted, in the order of their creation. */
  get living(): readonly TaskSnapshot[] {
    return [...this.tasks.values()].map(({ snapshot }) => snapshot);
  }

  holdsLease(taskId: number): boolean {
    return this.of(taskId).lease !== null;
  }

  private move(taskId: number, fields: Partial<TaskSnapshot>): TaskMove {
    const task = this.of(taskId);
    const before = task.snapshot;
    task.snapshot = { ...before, ...fields };
    const { title, status, priority, projectId, assignedTo, assignedAgentId } = task.snapshot;
    return {
      taskId,
      title,
      status,
      previousStatus: before.status,
      priority,
      projectId,
      assignedTo,
      assignedAgentId,
      previousAssignee: before.assignedTo,
      previousAgentId: before.assignedAgentId,
    };
  }

  private of(taskId: number): { snapshot: TaskSnapshot; lease: Lease | null; epoch: number } {
    const task = this.tasks.get(taskId);
    if (task === undefined) throw new Error(`the history has no task ${taskId}`);
    return task;
  }

  private nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }

  private write(taskId: number, type: string, data: object): this {
    this.written.push({ stream: `task-${taskId}`, type, data, workspaceId: this.workspaces.get(taskId) ?? 1 });
    return this;
  }
}

/** One step that may follow in the history of these tasks, chosen by `random`. */
export function randomTaskStep(tasks: TaskHistory, random: (below: number) => number): void {
  const { living } = tasks;
  const task = living[random(living.length + 1)];
  if (task === undefined || living.length === 0) {
    const name = random(2) === 0 ? `agent ${random(5)}` : null;
    tasks.create(tasks.written.length + 1, {
      priority: taskPriorities[random(taskPriorities.length)] ?? 'low',
      projectId: 1 + random(3),
      assignedTo: name,
      assignedAgentId: name === null || random(3) === 0 ? null : random(5) + 1,
      tags: ['a "tag"'],
      metadata: { n: random(5) },
    });
    return;
  }
  const { taskId } = task;
  const agentId = random(5);
  const holds = tasks.holdsLease(taskId);
  const steps: readonly (() => unknown)[] = [
    () => tasks.change(taskId, { priority: 'critical', dueDate: random(9) }, holds ? 'kept' : 'none'),
    () =>
      tasks.change(
        taskId,
        { assignedTo: `agent ${agentId}`, assignedAgentId: agentId || null },
        holds ? 'ended' : 'none',
      ),
    () => tasks.change(taskId, { title: `title ${agentId}` }, holds ? 'renewed' : 'none'),
    () => tasks.claim(taskId, `agent ${agentId}`, agentId || null),
    () => (holds ? tasks.renew(taskId) : tasks.broadcast(taskId)),
    () => holds && tasks.giveBack(taskId, 'TaskReleased'),
    () => holds && tasks.giveBack(taskId, 'TaskLeaseExpired'),
    () => tasks.setStatus(taskId, taskStatuses[random(taskStatuses.length)] ?? 'inbox', agentId || null),
    () => tasks.review(taskId, 'aegis', 'approved', { status: 'done', gate: 'open', completedAt: 7 }),
    () => tasks.review(taskId, `agent ${agentId}`, 'rejected', { status: 'in_progress', errorMessage: 'no' }),
    () => tasks.comment(taskId, `agent ${agentId}`, 'on it', holds ? 'renewed' : 'none'),
    () => random(4) === 0 && tasks.delete(taskId),
  ];
  steps[random(steps.length)]?.();
}
