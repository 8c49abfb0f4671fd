import { Injectable } from '@nestjs/common';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Principal } from '../platform/auth/principal.js';
import type { CommandContext } from '../platform/command/command-context.js';
import { Numbers } from '../platform/numbers/numbers.js';
import type { CommentBody } from './task-bodies.js';
import type { TaskEffect } from './task-effect.js';
import { TaskPeople } from './task-people.js';
import { TaskRunner } from './task-runner.js';
import type { CommentAdded, Recipient, TaskEvent } from './tasks.events.js';

export interface CommentEffect extends TaskEffect {
  readonly comment: CommentAdded['data'];
  /** Whom the comment made the assignee, if it did. */
  readonly assigned: string | null;
}

export interface BroadcastEffect extends TaskEffect {
  /** Agents with an open connection, and the other agents. */
  readonly sent: number;
  readonly skipped: number;
}

/** What is said about a task. */
@Injectable()
export class CommentCommands {
  constructor(
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly numbers: Numbers,
    private readonly agents: AgentDirectory,
  ) {}

  /** Errors: 400 unknown mention, 403, 404 no such task or parent. */
  async comment(
    context: CommandContext,
    principal: Principal,
    taskId: number,
    { content, parent_id: parentId = null }: CommentBody,
  ): Promise<CommentEffect> {
    const { workspaceId } = context;
    const onlyFor = await this.people.confinementOf(principal);
    await this.runner.reach(workspaceId, taskId, onlyFor);
    const effect = await this.runner.run(context, taskId, {
      type: 'AddComment',
      commentId: await this.numbers.next('comment'),
      author: await this.people.actorOf(principal),
      content,
      parentId,
      mentions: await this.people.mentioned(workspaceId, content),
      ...(onlyFor === undefined ? {} : { onlyFor }),
    });
    return { ...effect, comment: addedIn(effect.events), assigned: assignedIn(effect.events) };
  }

  /** Errors: 403, 404. */
  async broadcast(
    context: CommandContext,
    principal: Principal,
    taskId: number,
    message: string,
  ): Promise<BroadcastEffect> {
    const onlyFor = await this.people.confinementOf(principal);
    const effect = await this.runner.run(context, taskId, {
      type: 'Broadcast',
      message,
      by: await this.people.actorOf(principal),
      ...(onlyFor === undefined ? {} : { onlyFor }),
    });
    const recipients = effect.events.flatMap((event) => (event.type === 'TaskBroadcast' ? event.data.recipients : []));
    const agents = recipients.filter((recipient) => recipient.agentId !== null);
    const connected = await Promise.all(agents.map((agent) => this.isConnected(context.workspaceId, agent)));
    const sent = connected.filter(Boolean).length;
    return { ...effect, sent, skipped: agents.length - sent };
  }

  private async isConnected(workspaceId: number, { agentId }: Recipient): Promise<boolean> {
    const agent = agentId === null ? undefined : await this.agents.byId(workspaceId, agentId);
    return agent !== undefined && agent.connection !== null;
  }
}

function addedIn(events: readonly TaskEvent[]): CommentAdded['data'] {
  const added = events.find((event) => event.type === 'CommentAdded');
  if (added === undefined) throw new Error('a comment was accepted and not recorded');
  return added.data;
}

function assignedIn(events: readonly TaskEvent[]): string | null {
  return events.find((event) => event.type === 'TaskChanged')?.data.task.assignedTo ?? null;
}
