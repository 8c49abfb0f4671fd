import { accepted, refused, type Decider } from '../platform/decider/decider.js';
import type { AgentNameEvent } from './agents.events.js';

/** `anew`: a reservation that its owner holds is made again, so that a release decided before it comes too late. */
export type AgentNameCommand =
  | { readonly type: 'ReserveName'; readonly agentId: number; readonly name: string; readonly anew?: boolean }
  | { readonly type: 'ReleaseName'; readonly agentId: number };

export type AgentNameState = { readonly owner: { readonly agentId: number; readonly name: string } | null };

/** Who owns a name is decided by the first reservation; everybody else reads the winner. */
export const agentNameDecider: Decider<AgentNameState, AgentNameCommand, AgentNameEvent, 'NameTaken'> = {
  initialState: { owner: null },
  decide: (command, { owner }) => {
    switch (command.type) {
      case 'ReserveName':
        if (owner !== null && owner.agentId !== command.agentId) return refused('NameTaken');
        if (owner?.name === command.name && command.anew !== true) return accepted();
        return accepted({ type: 'AgentNameReserved', data: { agentId: command.agentId, name: command.name } });
      case 'ReleaseName':
        return owner?.agentId === command.agentId
          ? accepted({ type: 'AgentNameReleased', data: { agentId: owner.agentId, name: owner.name } })
          : accepted();
      default:
        return command;
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'AgentNameReserved':
        return { owner: { agentId: event.data.agentId, name: event.data.name } };
      case 'AgentNameReleased':
        return { owner: null };
      default:
        return state;
    }
  },
};
