import { accepted, refused, type Decider } from '../platform/decider/decider.js';
import type { HandleKind, ProjectHandleEvent } from './projects.events.js';

/** A slug or a ticket prefix: what only one project of a workspace may have. */
export interface ProjectHandle {
  readonly kind: HandleKind;
  readonly handle: string;
}

/** `anew`: a reservation that its owner holds is made again, so that a release decided before it comes too late. */
export type ProjectHandleCommand =
  | {
      readonly type: 'ReserveHandle';
      readonly projectId: number;
      readonly handle: ProjectHandle;
      readonly anew?: boolean;
    }
  | { readonly type: 'ReleaseHandle'; readonly projectId: number; readonly handle: ProjectHandle };

export interface ProjectHandleState {
  readonly owner: number | null;
}

/** Who has a handle is decided by the first reservation; everybody else reads the winner. */
export const projectHandleDecider: Decider<
  ProjectHandleState,
  ProjectHandleCommand,
  ProjectHandleEvent,
  'HandleTaken'
> = {
  initialState: { owner: null },
  decide: (command, { owner }) => {
    const data = { projectId: command.projectId, ...command.handle };
    switch (command.type) {
      case 'ReserveHandle':
        if (owner !== null && owner !== command.projectId) return refused('HandleTaken');
        return owner === command.projectId && command.anew !== true
          ? accepted()
          : accepted({ type: 'ProjectHandleReserved', data });
      case 'ReleaseHandle':
        return owner === command.projectId ? accepted({ type: 'ProjectHandleReleased', data }) : accepted();
      default:
        return command;
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ProjectHandleReserved':
        return { owner: event.data.projectId };
      case 'ProjectHandleReleased':
        return { owner: null };
      default:
        return state;
    }
  },
};
