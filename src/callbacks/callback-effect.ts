import { Injectable } from '@nestjs/common';
import type { CommandContext } from '../platform/command/command-context.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import type { Json, StoredEvent } from '../platform/event-store/stored-event.js';
import { derivedId } from '../platform/ids/ids.js';
import { TaskDirectory } from '../tasks/task-directory.js';
import type { ReportOnTask } from '../tasks/task-report.decider.js';
import { UsageRecorder } from '../tokens/usage-recorder.js';
import { parseInlineUsage } from '../tokens/usage-report.js';
import type { CallbackAccepted, CallbackReport } from './callbacks.events.js';
import { CallbackStreams, type ConcludedCallback } from './callback-streams.js';

/** Who accepted callbacks act as: the agent whose secret signed them. */
export function actorOf({ agentId, agentName }: CallbackAccepted['data']): CommandContext['actor'] {
  return { kind: 'agent', id: String(agentId), name: agentName };
}

/** The command that a report amounts to; undefined when it is about no task. */
export function reportOn(
  data: Omit<CallbackAccepted['data'], 'bodyDigest' | 'scheme' | 'senderId' | 'secretId'>,
): ReportOnTask {
  const { agentId, agentName, deliveryKey, report } = data;
  const told = { by: { name: agentName, agentId }, deliveryKey };
  switch (report.type) {
    case 'task.progress':
      return { ...told, type: 'ReportProgress', message: report.message ?? '', progress: report.progress };
    case 'task.completed':
      return {
        ...told,
        type: 'ReportCompletion',
        summary: report.message,
        outcome: report.outcome === 'partial' ? 'partial' : 'success',
      };
    case 'task.failed':
      return {
        ...told,
        type: 'ReportFailure',
        error: report.message ?? '',
        lastState: report.lastState,
        outcome: report.outcome === 'abandoned' ? 'abandoned' : 'failed',
      };
  }
}

/**
 * From the accepted callback to task and usage, and the note of what came of it. Every step is idempotent: whoever
 * comes next, a copy of the callback or the finisher, goes on where a crash left it.
 */
@Injectable()
export class CallbackEffect {
  constructor(
    private readonly streams: CallbackStreams,
    private readonly tasks: TaskDirectory,
    private readonly usage: UsageRecorder,
  ) {}

  async apply(context: CommandContext, accepted: StoredEvent<CallbackAccepted>): Promise<ConcludedCallback> {
    const effect = {
      ...context,
      keyed: true,
      actor: actorOf(accepted.data),
      workspaceId: accepted.metadata.workspaceId,
    };
    const task = await this.moveTask(effect, accepted);
    const usage = await this.recordUsage(effect, accepted);
    const outcome = { taskStatus: task.status, ...usage };
    const concluded = await this.streams.conclude(
      effect,
      accepted,
      task.overruled === undefined
        ? { type: 'CallbackApplied', data: outcome }
        : { type: 'CallbackOverruled', data: { ...outcome, reason: task.overruled } },
    );
    return task.position === undefined
      ? concluded
      : { ...concluded, position: laterOf(concluded.position, task.position) };
  }

  private async moveTask(
    context: CommandContext,
    accepted: StoredEvent<CallbackAccepted>,
  ): Promise<{
    readonly status: string | null;
    readonly position?: Position | undefined;
    readonly overruled?: string;
  }> {
    const { taskId } = accepted.data.report;
    if (taskId === null) return { status: null };
    const commandId = derivedId('callback-effect', accepted.id);
    const outcome = await this.tasks.execute({ ...context, commandId }, taskId, reportOn(accepted.data));
    const status = outcome.state.kind === 'task' ? outcome.state.snapshot.status : null;
    if (outcome.kind === 'refused') return { status, overruled: outcome.refusal.kind };
    return { status, position: outcome.position };
  }

  private async recordUsage(context: CommandContext, accepted: StoredEvent<CallbackAccepted>) {
    const { report } = accepted.data;
    if (report.tokenUsage === null) return { tokenRecorded: false, tokenError: null };
    const receivedAt = new Date(accepted.metadata.recordedAt);
    const parsed = parseInlineUsage(
      withIdentity(accepted.data, report),
      `${accepted.data.agentName}:callback`,
      receivedAt,
    );
    if (parsed.kind === 'invalid') return { tokenRecorded: false, tokenError: parsed.errors.join('; ') };
    const recorded = await this.usage.record({ ...context, receivedAt }, parsed.report);
    return recorded.kind === 'conflict'
      ? { tokenRecorded: false, tokenError: 'eventId already used with different content' }
      : { tokenRecorded: true, tokenError: null };
  }
}

/** Usage without an id of its own has the callback's: it counts once as the callback does. */
function withIdentity(
  { agentId, senderId, deliveryKey }: CallbackAccepted['data'],
  { tokenUsage, taskId }: CallbackReport,
): unknown {
  if (!isObject(tokenUsage)) return tokenUsage;
  const identity = `${agentId}:${senderId === null || senderId.length > 180 ? deliveryKey : senderId}`;
  return { eventId: identity, ...(taskId === null ? {} : { taskId }), operation: 'callback', ...tokenUsage };
}

function isObject(value: Json): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
