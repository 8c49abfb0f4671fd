import { accepted, refused, type Decision } from '../platform/decider/decider.js';
import {
  assigneeOf,
  isAssignedTo,
  moveOf,
  sameRecipient,
  type HeldLease,
  type LeaseEnd,
  type LiveTask,
} from './task.state.js';
import { isClaimable, isLeased } from './task-status.js';
import type { Recipient, TaskEvent } from './tasks.events.js';

export interface ClaimTask {
  readonly type: 'ClaimTask';
  readonly leaseId: string;
  readonly holder: string;
  readonly holderAgentId: number | null;
  readonly leaseSeconds: number;
}

/** A sign of life: every one counts, so this command alone is not absorbed when it is repeated. */
export interface RenewLease {
  readonly type: 'RenewLease';
  readonly leaseId: string;
}

export interface ReleaseTask {
  readonly type: 'ReleaseTask';
  /** Without it the current lease is meant, whichever that is. */
  readonly leaseId?: string;
  readonly reason: string | null;
}

/** The holder of this lease has been silent for too long. Another lease by now: nothing. */
export interface ExpireLease {
  readonly type: 'ExpireLease';
  readonly leaseId: string;
  readonly epoch: number;
}

export type LeaseRefusal =
  | { readonly kind: 'NotClaimable' }
  | { readonly kind: 'TakenByAnother' }
  /** The same holder has it already, with another lease: that one can be renewed. */
  | { readonly kind: 'AlreadyHeld' }
  | { readonly kind: 'NotClaimed' }
  | { readonly kind: 'LeaseLost'; readonly how: LeaseEnd };

type LeaseDecision = Decision<TaskEvent, LeaseRefusal>;

export function decideClaim(command: ClaimTask, task: LiveTask): LeaseDecision {
  const { leaseId, holder, holderAgentId, leaseSeconds } = command;
  const who = { name: holder, agentId: holderAgentId };
  if (task.lease !== null) {
    if (task.lease.leaseId === leaseId) return accepted();
    return refused({ kind: isHolder(task, who) ? 'AlreadyHeld' : 'TakenByAnother' });
  }
  const ended = task.endedLeases.find((lease) => lease.leaseId === leaseId);
  if (ended !== undefined) return refused({ kind: 'LeaseLost', how: ended.how });
  const { snapshot } = task;
  const own = isAssignedTo(snapshot, who);
  if (!isClaimable(snapshot.status) && !(isLeased(snapshot.status) && own)) return refused({ kind: 'NotClaimable' });
  if (assigneeOf(snapshot) !== null && !own) return refused({ kind: 'TakenByAnother' });
  const claimed = { status: 'in_progress', assignedTo: holder, assignedAgentId: holderAgentId } as const;
  return accepted({
    type: 'TaskClaimed',
    data: { ...moveOf(snapshot, claimed), leaseId, holder, holderAgentId, epoch: task.epoch + 1, leaseSeconds },
  });
}

export function decideRenewal({ leaseId }: RenewLease, task: LiveTask): LeaseDecision {
  if (task.lease?.leaseId !== leaseId) return refused({ kind: 'LeaseLost', how: endOf(task, leaseId) });
  const { holder, holderAgentId, epoch, leaseSeconds } = task.lease;
  const { taskId } = task.snapshot;
  return accepted({ type: 'TaskLeaseRenewed', data: { taskId, leaseId, holder, holderAgentId, epoch, leaseSeconds } });
}

export function decideRelease({ leaseId, reason }: ReleaseTask, task: LiveTask): LeaseDecision {
  const { lease, snapshot } = task;
  if (leaseId !== undefined && lease?.leaseId !== leaseId) {
    const how = endOf(task, leaseId);
    return how === 'released' ? accepted() : refused({ kind: 'LeaseLost', how });
  }
  if (lease === null) return refused({ kind: 'NotClaimed' });
  return accepted({
    type: 'TaskReleased',
    data: { ...moveOf(snapshot, lease.before), leaseId: lease.leaseId, holder: lease.holder, reason },
  });
}

export function decideExpiry({ leaseId, epoch }: ExpireLease, { lease, snapshot }: LiveTask): LeaseDecision {
  if (lease?.leaseId !== leaseId || lease.epoch !== epoch) return accepted();
  return accepted({
    type: 'TaskLeaseExpired',
    data: { ...moveOf(snapshot, lease.before), leaseId, holder: lease.holder },
  });
}

export function isHolder({ lease }: Pick<LiveTask, 'lease'>, who: Recipient): boolean {
  return lease !== null && sameRecipient(who, holderOf(lease));
}

function holderOf(lease: HeldLease): Recipient {
  return { name: lease.holder, agentId: lease.holderAgentId };
}

/** How the lease by which this agent once had the task ended. Undefined: it never had such a lease, or nobody remembers. */
export function ownEndOf({ endedLeases }: LiveTask, leaseId: string | undefined, who: Recipient): LeaseEnd | undefined {
  const ended = endedLeases.find((lease) => lease.leaseId === leaseId);
  return ended !== undefined && sameRecipient(ended.holder, who) ? ended.how : undefined;
}

/** How a lease that is not the current one ended; one that nobody remembers was overtaken long ago. */
export function endOf({ endedLeases }: LiveTask, leaseId: string): LeaseEnd {
  return endedLeases.find((ended) => ended.leaseId === leaseId)?.how ?? 'superseded';
}
