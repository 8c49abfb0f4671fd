import type { CausingFact } from '../platform/command/caused-facts.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { CommandAnswer } from '../platform/command/idempotency.js';
import type { Json } from '../platform/event-store/stored-event.js';
import type { Position } from '../platform/event-store/position.js';
import { eventIdOf } from '../platform/ids/ids.js';
import type { KnownTask, TaskOutcome } from './task-directory.js';
import type { TaskEvent } from './tasks.events.js';

/** Projections that show what becomes of a task: answers to commands wait for them. */
export const tasksShownBy = ['tasks', 'activities'] as const;

/** What queries about tasks are answered from. */
export const tasksReadFrom = ['tasks'] as const;

/** What a command did to one task. */
export interface TaskEffect {
  readonly known: KnownTask;
  /** Empty: the goal already held. */
  readonly events: readonly TaskEvent[];
  readonly position: Position | undefined;
  readonly replayed: boolean;
  readonly causes: readonly CausingFact[];
}

type Accepted = Extract<TaskOutcome, { kind: 'accepted' }>;

export function effectOf(context: CommandContext, outcome: Accepted, known: KnownTask): TaskEffect {
  const { events, position, replayed } = outcome;
  return { known, events, position, replayed, causes: causesOf(context, events) };
}

/** The events of a command with the ids under which they are stored. */
export function causesOf(context: CommandContext, events: readonly TaskEvent[]): readonly CausingFact[] {
  return events.map((event, index) => ({ eventId: eventIdOf(context.commandId, index), event }));
}

export function answerOf(status: number, body: Json, { position, replayed, causes }: TaskEffect): CommandAnswer {
  return { status, body, position, replayed, causes };
}
