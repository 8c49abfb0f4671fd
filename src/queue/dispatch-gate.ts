import type { Recipient, TaskSnapshot } from '../tasks/tasks.events.js';

/** Who keeps new work from being handed out to somebody right now. */
export interface Closures {
  /** What holds it back, for people. */
  readonly reasons: readonly { readonly id: string; readonly name: string }[];
  readonly isAllClosed: boolean;
  readonly projectIds: readonly number[];
  readonly taskIds: readonly number[];
}

/** Asked before a task is handed out. What somebody has in progress already is not asked about. */
export abstract class DispatchGate {
  abstract closuresFor(workspaceId: number, who: Recipient): Promise<Closures>;
}

export const nothingClosed: Closures = { reasons: [], isAllClosed: false, projectIds: [], taskIds: [] };

export function isClosed(
  closures: Closures,
  { projectId, taskId }: Pick<TaskSnapshot, 'projectId' | 'taskId'>,
): boolean {
  return closures.isAllClosed || closures.projectIds.includes(projectId) || closures.taskIds.includes(taskId);
}
