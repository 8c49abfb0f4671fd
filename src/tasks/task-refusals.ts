import { conflict, notFound, Refusal } from '../platform/http/errors.js';
import { etagOf } from './entity-tag.js';
import type { StaleRevision } from './task-directory.js';
import type { TaskRefusal } from './task.decider.js';

export const notYours = () => new Refusal(403, 'Access denied: agent key may only access its own tasks.');
export const noSuchTask = () => notFound('Task not found');

/** The one place where a refusal of the decision becomes a status. */
export function refusalOf(refusal: TaskRefusal): Refusal {
  switch (refusal.kind) {
    case 'NoSuchTask':
      return noSuchTask();
    case 'NotYours':
      return notYours();
    case 'NoSuchParent':
      return notFound('Parent comment not found');
    case 'GateClosed':
      return new Refusal(403, 'Aegis approval is required to move task to done.');
    case 'NoSuchMove':
      return conflict('The task cannot move to this status');
    case 'NotClaimable':
      return conflict('Task cannot be claimed');
    case 'TakenByAnother':
    case 'AlreadyHeld':
      return conflict('Task is already claimed');
    case 'NotClaimed':
      return conflict('Task is not claimed');
    case 'AlreadyElsewhere':
      return conflict(`Task is already ${refusal.status}`, { task_status: refusal.status });
    case 'SpentDelivery':
      return conflict(
        'This very callback moved the task before; add a field that differs, or sign time and id with it',
      );
    case 'LeaseLost':
      return conflict('Lease is no longer held', { lease_status: refusal.how });
    default:
      return unreachable(refusal);
  }
}

/** The caller's precondition does not hold: what is there instead. */
export function staleRevision({ current }: StaleRevision, task: object): Refusal {
  const extra = { current_revision: Number(current.revision), task };
  return new Refusal(412, 'Task was changed', extra, { etag: etagOf(current.revision) });
}

function unreachable(refusal: never): never {
  throw new Error(`no such refusal: ${JSON.stringify(refusal)}`);
}
