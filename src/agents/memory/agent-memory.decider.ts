import { accepted, refused, type Decider, type Decision } from '../../platform/decider/decider.js';
import type { AgentMemoryEvent } from '../agent-memory.events.js';

export const agentMemoryStream = (agentId: number): string => `agentmemory-${agentId}`;

/** Of the memory in UTF-8. */
export const MAX_MEMORY_BYTES = 512 * 1024;

/** Of the memory as JSON: with its envelope it must fit into one event. */
const MAX_JSON_BYTES = 1_000_000;

/** After so many additions the next one is written together with all before: the stream is read back to there. */
const MAX_APPENDS = 50;

export interface RememberingAgent {
  readonly agentId: number;
  readonly agentName: string;
}

export type AgentMemoryCommand =
  | { readonly type: 'WriteMemory'; readonly agent: RememberingAgent; readonly content: string }
  | {
      readonly type: 'AppendMemory';
      readonly agent: RememberingAgent;
      readonly text: string;
      /** Identifies the addition: the same one again is there already. */
      readonly appendId: string;
    }
  | { readonly type: 'ClearMemory'; readonly agent: RememberingAgent };

export interface AgentMemoryState {
  readonly content: string;
  /** The additions since the memory was written as a whole. */
  readonly appendIds: readonly string[];
}

type AgentMemoryDecision = Decision<AgentMemoryEvent, 'TooLarge'>;

function evolve(state: AgentMemoryState, event: AgentMemoryEvent): AgentMemoryState {
  switch (event.type) {
    case 'AgentMemoryWritten': {
      const { content, appendId } = event.data;
      return { content, appendIds: appendId === null ? [] : [appendId] };
    }
    case 'AgentMemoryAppended':
      return { content: state.content + event.data.text, appendIds: [...state.appendIds, event.data.appendId] };
    case 'AgentMemoryCleared':
      return { content: '', appendIds: [] };
    default:
      return state;
  }
}

function decide(command: AgentMemoryCommand, state: AgentMemoryState): AgentMemoryDecision {
  const { agent } = command;
  switch (command.type) {
    case 'WriteMemory':
      return command.content === '' ? cleared(agent, state) : written(agent, command.content, null, state);
    case 'AppendMemory':
      return appended(command, state);
    case 'ClearMemory':
      return cleared(agent, state);
    default:
      return command;
  }
}

function written(
  agent: RememberingAgent,
  content: string,
  appendId: string | null,
  state: AgentMemoryState,
): AgentMemoryDecision {
  if (content === state.content) return accepted();
  if (isTooLarge(content)) return refused('TooLarge');
  const bytes = Buffer.byteLength(content);
  return accepted({ type: 'AgentMemoryWritten', data: { ...agent, content, bytes, appendId } });
}

function appended(
  { agent, text: given, appendId }: Extract<AgentMemoryCommand, { type: 'AppendMemory' }>,
  state: AgentMemoryState,
): AgentMemoryDecision {
  if (given === '' || state.appendIds.includes(appendId)) return accepted();
  const text = state.content === '' ? given : `\n\n${given}`;
  const content = state.content + text;
  if (state.appendIds.length >= MAX_APPENDS) return written(agent, content, appendId, state);
  if (isTooLarge(content)) return refused('TooLarge');
  const bytes = Buffer.byteLength(content);
  return accepted({ type: 'AgentMemoryAppended', data: { ...agent, text, bytes, appendId } });
}

function cleared(agent: RememberingAgent, { content }: AgentMemoryState): AgentMemoryDecision {
  return content === '' ? accepted() : accepted({ type: 'AgentMemoryCleared', data: agent });
}

function isTooLarge(content: string): boolean {
  return Buffer.byteLength(content) > MAX_MEMORY_BYTES || Buffer.byteLength(JSON.stringify(content)) > MAX_JSON_BYTES;
}

export const agentMemoryDecider: Decider<AgentMemoryState, AgentMemoryCommand, AgentMemoryEvent, 'TooLarge'> = {
  initialState: { content: '', appendIds: [] },
  decide,
  evolve,
};
