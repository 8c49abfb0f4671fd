import { taskStatuses, type TaskStatus } from './tasks.events.js';

export interface StatusRule<Status extends string> {
  readonly next: readonly Status[];
  /** The queue may hand out a task in this state. */
  readonly claimable?: true;
  /** What a claimed task is; leaving it ends the lease. */
  readonly leased?: true;
  /** Entered only through an open gate. */
  readonly gated?: true;
}

export interface StatusMachine<Status extends string> {
  readonly initial: Status;
  readonly states: Readonly<Record<Status, StatusRule<Status>>>;
}

/** Checks a machine when the program starts. Throws for a state that is not declared or cannot be reached. */
export function statusMachine<Status extends string>(machine: StatusMachine<Status>): StatusMachine<Status> {
  const declared = new Map<string, StatusRule<Status>>(Object.entries(machine.states));
  const reached = new Set<string>([machine.initial]);
  for (const status of reached) {
    const rule = declared.get(status);
    if (rule === undefined) throw new Error(`the state ${status} is not declared`);
    for (const next of rule.next) reached.add(next);
  }
  for (const status of declared.keys()) {
    if (!reached.has(status)) throw new Error(`the state ${status} cannot be reached`);
  }
  return machine;
}

const anyOther = (status: TaskStatus) => taskStatuses.filter((other) => other !== status);

/** HTTP contract, section 9.1: any status may follow any other; the gate and the lease are the two rules. */
export const taskStatusMachine = statusMachine<TaskStatus>({
  initial: 'inbox',
  states: {
    backlog: { next: anyOther('backlog') },
    inbox: { next: anyOther('inbox'), claimable: true },
    assigned: { next: anyOther('assigned'), claimable: true },
    awaiting_owner: { next: anyOther('awaiting_owner') },
    in_progress: { next: anyOther('in_progress'), leased: true },
    review: { next: anyOther('review') },
    quality_review: { next: anyOther('quality_review') },
    done: { next: anyOther('done'), gated: true },
    failed: { next: anyOther('failed') },
  },
});

export function mayFollow(from: TaskStatus, to: TaskStatus): boolean {
  return from === to || taskStatusMachine.states[from].next.includes(to);
}

export function isClaimable(status: TaskStatus): boolean {
  return taskStatusMachine.states[status].claimable === true;
}

export function isLeased(status: TaskStatus): boolean {
  return taskStatusMachine.states[status].leased === true;
}

export function isGated(status: TaskStatus): boolean {
  return taskStatusMachine.states[status].gated === true;
}
