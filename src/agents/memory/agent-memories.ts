import { Injectable, Optional } from '@nestjs/common';
import { Aggregates, foldAll, type Fold, type Loaded } from '../../platform/command/aggregates.js';
import type { CommandContext } from '../../platform/command/command-context.js';
import { DecisionLoop } from '../../platform/command/decision-loop.js';
import { EventStore } from '../../platform/event-store/event-store.js';
import type { Moment } from '../../platform/event-store/past.js';
import type { Position } from '../../platform/event-store/position.js';
import { Refusal } from '../../platform/http/errors.js';
import { LogTail } from '../../platform/log-tail/log-tail.js';
import {
  agentMemoryDecider,
  agentMemoryStream,
  type AgentMemoryCommand,
  type AgentMemoryState,
} from './agent-memory.decider.js';
import type { AgentMemoryEvent } from '../agent-memory.events.js';

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

/** Memories are large. */
const MAX_CACHED = 50;

const fold: Fold<AgentMemoryState, AgentMemoryEvent> = {
  initialState: agentMemoryDecider.initialState,
  evolve: agentMemoryDecider.evolve,
  beginsAnewWith: new Set(['AgentMemoryWritten', 'AgentMemoryCleared']),
};

export interface Remembered {
  readonly content: string;
  readonly position: Position | undefined;
  readonly replayed: boolean;
}

/** The working memories of agents, straight from their streams. */
@Injectable()
export class AgentMemories {
  private readonly memories: Aggregates<AgentMemoryState, AgentMemoryEvent>;
  private readonly loop: DecisionLoop<AgentMemoryState, AgentMemoryEvent>;

  constructor(store: EventStore, @Optional() tail?: LogTail) {
    const tailState = { isLive: () => tail?.isLive(TRUST_MS) ?? false };
    this.memories = new Aggregates(store, tailState, fold, MAX_CACHED);
    this.loop = new DecisionLoop(store, this.memories, fold);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!('unreadable' in entry) && entry.stream.startsWith('agentmemory-')) this.memories.apply(entry);
      }
    });
  }

  /** Errors: 413 when it would become larger than 512 KiB. */
  async execute(context: CommandContext, command: AgentMemoryCommand): Promise<Remembered> {
    const stream = agentMemoryStream(command.agent.agentId);
    const outcome = await this.loop.execute(stream, context, ({ state }) => agentMemoryDecider.decide(command, state));
    if (outcome.kind === 'refused') throw new Refusal(413, 'Working memory is limited to 512 KiB');
    return { content: outcome.state.content, position: outcome.position, replayed: outcome.replayed };
  }

  /** What the agent remembered at some moment of the past. */
  async asOf(agentId: number, wasThere: Moment): Promise<Loaded<AgentMemoryState>> {
    return foldAll(fold, await this.memories.historyAsOf(agentMemoryStream(agentId), wasThere));
  }

  /** When the memory was last changed; undefined when it never was. */
  async changedAt(agentId: number): Promise<Date | undefined> {
    return (await this.memories.load(agentMemoryStream(agentId))).lastAt;
  }
}
