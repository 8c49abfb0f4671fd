import { Injectable } from '@nestjs/common';
import {
  WorkItemQueries,
  type WorkingAgent,
  type WorkItemSections,
} from '../../projections/work-items/work-items.queries.js';
import { Clock } from '../platform/clock/clock.js';
import { BEFORE_EVERYTHING, isAfter, laterOf, type Position } from '../platform/event-store/position.js';
import { Refusal } from '../platform/http/errors.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { TouchedAgents } from './touched-agents.js';

/** What an agent has to do, true up to a position of the log. */
export interface Work {
  readonly sections: WorkItemSections;
  readonly asOf: Position;
}

interface Known {
  readonly name: string;
  readonly sections: WorkItemSections;
}

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;
/** Agents whose last answer is kept. */
const REMEMBERED = 10_000;

const nothing = { count: 0, items: [] };

/**
 * The work items of agents. A beat is answered from memory as long as the log, followed live, holds nothing that
 * changes them and none of them has grown old; else by one statement.
 */
@Injectable()
export class WorkItems {
  private readonly touched = new TouchedAgents();
  private readonly known = new Map<number, Known>();

  constructor(
    private readonly queries: WorkItemQueries,
    private readonly tail: LogTail,
    private readonly clock: Clock,
  ) {
    tail.onBatch((entries) => this.touched.follow(entries));
  }

  /** From the tables. Errors: 503 while those are away. */
  async read(agent: WorkingAgent): Promise<Work> {
    const sections = await this.queries.of(agent, this.clock.now());
    this.remember(agent, sections);
    return { sections, asOf: this.trueUpTo(agent, sections) ?? sections.checkpoint };
  }

  /** For a beat, which counts without the tables too: while they are away it gets what was true last. */
  async forBeat(agent: WorkingAgent): Promise<Work> {
    const known = this.known.get(agent.agentId);
    if (known?.name === agent.name && !this.isOver(known.sections)) {
      const asOf = this.trueUpTo(agent, known.sections);
      if (asOf !== undefined) return { sections: known.sections, asOf };
    }
    try {
      return await this.read(agent);
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 503)) throw error;
      const sections = known?.sections ?? beforeEverything;
      return { sections, asOf: sections.checkpoint };
    }
  }

  /** Undefined: a fact after the checkpoint has changed the sections, or the log is not followed closely enough to know. */
  private trueUpTo({ workspaceId, agentId, name }: WorkingAgent, { checkpoint }: WorkItemSections) {
    const { beginning, position } = this.tail;
    if (beginning === undefined || !this.tail.isLive(TRUST_MS)) return undefined;
    // What lies before the beginning was not followed.
    const last = laterOf(beginning, this.touched.lastOf(workspaceId, agentId, name));
    return isAfter(last, checkpoint) ? undefined : laterOf(checkpoint, position);
  }

  private isOver({ changesAt }: WorkItemSections): boolean {
    return changesAt !== null && changesAt <= this.clock.now().getTime();
  }

  private remember({ agentId, name }: WorkingAgent, sections: WorkItemSections): void {
    const before = this.known.get(agentId)?.sections.checkpoint;
    if (before !== undefined && isAfter(before, sections.checkpoint)) return;
    this.known.delete(agentId);
    this.known.set(agentId, { name, sections });
    if (this.known.size <= REMEMBERED) return;
    const oldest = this.known.keys().next();
    if (oldest.done !== true) this.known.delete(oldest.value);
  }
}

/** Before the first fact nobody had anything to do. */
const beforeEverything: WorkItemSections = {
  checkpoint: BEFORE_EVERYTHING,
  mentions: nothing,
  assignedTasks: nothing,
  notifications: nothing,
  urgentActivities: nothing,
  changesAt: null,
};
