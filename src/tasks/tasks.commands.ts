import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../platform/auth/principal.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { CONFIG, type Config } from '../platform/config/config.js';
import { laterOf, type Position } from '../platform/event-store/position.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { ReservedNumbers } from '../platform/numbers/reserved-numbers.js';
import { ProjectDirectory, type LivingProject } from '../projects/project-directory.js';
import type { CausingFact } from '../platform/command/caused-facts.js';
import type { ChangeTaskBody, CreateTaskBody, SetStatusesBody } from './task-bodies.js';
import { causesOf, type TaskEffect } from './task-effect.js';
import { plainChanges, plainFields } from './task-fields.js';
import { TaskPeople } from './task-people.js';
import { notYours, refusalOf } from './task-refusals.js';
import { TaskRunner } from './task-runner.js';
import type { TaskChanges } from './task.decider.js';
import { isAssignedTo } from './task.state.js';
import type { TaskFields, TaskStatus } from './tasks.events.js';

export interface StatusesEffect {
  /** How many of the tasks there are. */
  readonly updated: number;
  readonly skipped: readonly number[];
  readonly position: Position | undefined;
  readonly causes: readonly CausingFact[];
}

type Filing = Pick<TaskFields, 'projectId' | 'projectName' | 'projectPrefix' | 'ticketNo'>;

/** What can be done with a task, apart from talking about it and working on it. */
@Injectable()
export class TaskCommands {
  constructor(
    private readonly runner: TaskRunner,
    private readonly people: TaskPeople,
    private readonly projects: ProjectDirectory,
    private readonly numbers: ReservedNumbers,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Errors: 400 unknown mention, 403 a task that is not the agent's own. */
  async create(
    context: CommandContext,
    principal: Principal,
    body: CreateTaskBody,
  ): Promise<TaskEffect & { readonly warnings: readonly string[] }> {
    const { workspaceId } = context;
    const description = body.description ?? null;
    const [author, assignment, mentions] = await Promise.all([
      this.people.actorOf(principal),
      this.people.assignment(workspaceId, body.assigned_to ?? null),
      this.people.mentioned(workspaceId, description),
    ]);
    const assigned =
      assignment.assignedTo === null
        ? await this.people.assignment(workspaceId, this.config.coordinatorAgent)
        : assignment;
    if (principal.agentId !== undefined && !isAssignedTo(assigned, author)) throw notYours();
    const { project, warnings } = await this.projectFor(context, body.project_id ?? null);
    const taskId = await this.numbers.numberFor(context, 'task');
    const fields: TaskFields = {
      ...plainFields(body),
      ...assigned,
      ...(await this.filed(project)),
      title: body.title,
      status: body.status ?? 'inbox',
      priority: body.priority ?? 'medium',
    };
    const createdAt = context.receivedAt.toISOString();
    const command = {
      type: 'CreateTask',
      taskId,
      fields,
      author,
      createdAt,
      at: secondsIn(context),
      mentions,
    } as const;
    return { ...(await this.runner.create(context, command)), warnings };
  }

  /** `expected`: the revisions that the caller goes by. Errors: 400, 403, 404, 409 lease lost, 412. */
  async change(
    context: CommandContext,
    principal: Principal,
    taskId: number,
    body: ChangeTaskBody,
    expected?: readonly bigint[],
  ): Promise<TaskEffect> {
    const { workspaceId } = context;
    const onlyFor = await this.people.confinementOf(principal);
    const leaseId = isGiven(body.lease_id) ? body.lease_id.toLowerCase() : undefined;
    const { task } = await this.runner.reach(workspaceId, taskId, onlyFor, leaseId);
    const changes: TaskChanges = {
      ...plainChanges(body),
      ...(body.title === undefined ? {} : { title: body.title }),
      ...(body.status === undefined ? {} : { status: body.status }),
      ...(body.priority === undefined ? {} : { priority: body.priority }),
      ...(body.assigned_to === undefined ? {} : await this.people.assignment(workspaceId, body.assigned_to)),
      ...(body.project_id === undefined ? {} : await this.refiled(context, task.snapshot.projectId, body.project_id)),
    };
    return this.runner.run(
      context,
      taskId,
      {
        type: 'ChangeTask',
        changes,
        by: await this.people.actorOf(principal),
        ...(leaseId === undefined ? {} : { leaseId }),
        at: secondsIn(context),
        mentions: await this.people.mentioned(workspaceId, body.description ?? null),
        ...(onlyFor === undefined ? {} : { onlyFor }),
      },
      expected,
    );
  }

  /**
   * All are looked at before any is changed. Errors: 403 for the first that the gate holds back, or that is not the
   * agent's own; then nothing is changed. A gate that closes at this very moment leaves its task among the skipped.
   */
  async setStatuses(context: CommandContext, principal: Principal, body: SetStatusesBody): Promise<StatusesEffect> {
    const onlyFor = await this.people.confinementOf(principal);
    const confined = onlyFor === undefined ? {} : { onlyFor };
    const commandFor = (status: TaskStatus) =>
      ({ type: 'SetStatus', status, at: secondsIn(context), ...confined }) as const;
    for (const { id, status } of body.tasks) {
      const refusal = await this.runner.preview(context, id, commandFor(status));
      if (refusal?.kind === 'GateClosed') throw new Refusal(403, `Aegis approval required for task ${id}`);
      if (refusal?.kind === 'NotYours') throw notYours();
    }
    const updated = new Set<number>();
    const skipped = new Set<number>();
    const causes: CausingFact[] = [];
    let last: Position | undefined;
    for (const [index, { id, status }] of body.tasks.entries()) {
      const step = stepOf(context, `status:${index}`);
      const outcome = await this.runner.attempt(step, id, commandFor(status));
      if (outcome.kind === 'refused') {
        skipped.add(id);
        continue;
      }
      updated.add(id);
      causes.push(...causesOf(step, outcome.events));
      if (outcome.position !== undefined)
        last = last === undefined ? outcome.position : laterOf(last, outcome.position);
    }
    return { updated: updated.size, skipped: [...skipped].filter((id) => !updated.has(id)), position: last, causes };
  }

  /** Deletes for ever; the history stays. Errors: 403, 404, also when it was deleted before, 412. */
  async remove(
    context: CommandContext,
    principal: Principal,
    taskId: number,
    expected?: readonly bigint[],
  ): Promise<Position | undefined> {
    const onlyFor = await this.people.confinementOf(principal);
    const command = { type: 'DeleteTask', ...(onlyFor === undefined ? {} : { onlyFor }) } as const;
    const outcome = await this.runner.attempt(context, taskId, command, expected);
    if (outcome.kind === 'refused') throw refusalOf(outcome.refusal);
    if (outcome.events.length === 0) throw refusalOf({ kind: 'NoSuchTask' });
    return outcome.position;
  }

  private async projectFor(context: CommandContext, projectId: number | null) {
    const asked = projectId === null ? undefined : await this.projects.find(context.workspaceId, projectId);
    if (asked?.kind === 'active') return { project: asked, warnings: [] };
    const project = await this.projects.general(context);
    const warnings =
      projectId === null
        ? []
        : [`project_id: there is no active project ${projectId} in this workspace; filed under ${project.slug}`];
    return { project, warnings };
  }

  private async refiled(context: CommandContext, current: number, projectId: number | null): Promise<Partial<Filing>> {
    if (projectId === current) return {};
    const project =
      projectId === null
        ? await this.projects.general(context)
        : await this.projects.find(context.workspaceId, projectId);
    if (project?.kind !== 'active') throw badRequest('Project not found or archived');
    return project.projectId === current ? {} : this.filed(project);
  }

  private async filed({ projectId, name, ticketPrefix }: LivingProject): Promise<Filing> {
    const ticketNo = await this.projects.nextTicket(projectId);
    return { projectId, projectName: name, projectPrefix: ticketPrefix, ticketNo };
  }
}

function secondsIn(context: CommandContext): number {
  return Math.floor(context.receivedAt.getTime() / 1_000);
}

function isGiven(leaseId: string | null | undefined): leaseId is string {
  return leaseId !== undefined && leaseId !== null;
}
