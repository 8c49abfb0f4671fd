import { Injectable, Optional } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { Aggregates, type Loaded } from '../platform/command/aggregates.js';
import { stepOf, type CommandContext } from '../platform/command/command-context.js';
import { DecisionLoop, type Outcome } from '../platform/command/decision-loop.js';
import { EventStore } from '../platform/event-store/event-store.js';
import type { Actor, StoredEvent } from '../platform/event-store/stored-event.js';
import { unavailable } from '../platform/http/errors.js';
import { derivedId } from '../platform/ids/ids.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { Numbers } from '../platform/numbers/numbers.js';
import { projectHandleDecider, type ProjectHandle, type ProjectHandleState } from './project-handle.decider.js';
import {
  GENERAL_SLUG,
  prefixesOf,
  projectDecider,
  projectStream,
  type KnownProject,
  type ProjectCommand,
  type ProjectRefusal,
  type ProjectState,
} from './project.decider.js';
import type { ProjectEvent, ProjectHandleEvent } from './projects.events.js';

const GENERAL_PREFIX = 'TASK';
const MAX_ROUNDS = 5;
const system: Actor = { kind: 'system', id: 'projects', name: 'Mission Control' };

/** How long after its last proof the tail's word is taken for what memory holds. */
const TRUST_MS = 3_000;

/** How long a handle is kept for a project that does not carry it yet: its owner may be just about to take it. */
const RESERVATION_MS = 60_000;

/** A project that may be looked at and worked in; an archived one takes no new tasks. */
export type LivingProject = KnownProject & { readonly kind: 'active' | 'archived' };

/**
 * Which projects there are, straight from their streams: the strongly consistent side of ids, slugs and ticket prefixes.
 * In a process without a tail of the log nothing is answered from memory.
 */
@Injectable()
export class ProjectDirectory {
  private readonly projects: Aggregates<ProjectState, ProjectEvent>;
  private readonly handles: Aggregates<ProjectHandleState, ProjectHandleEvent>;
  private readonly projectLoop: DecisionLoop<ProjectState, ProjectEvent>;
  private readonly handleLoop: DecisionLoop<ProjectHandleState, ProjectHandleEvent>;
  /** Workspace to the id of its `general`, which never changes once the project exists. */
  private readonly generals = new Map<number, number>();

  constructor(
    store: EventStore,
    private readonly numbers: Numbers,
    private readonly clock: Clock,
    @Optional() tail?: LogTail,
  ) {
    const tailState = { isLive: () => tail?.isLive(TRUST_MS) ?? false };
    this.projects = new Aggregates(store, tailState, projectDecider);
    this.handles = new Aggregates(store, tailState, projectHandleDecider);
    this.projectLoop = new DecisionLoop(store, this.projects, projectDecider);
    this.handleLoop = new DecisionLoop(store, this.handles, projectHandleDecider);
    tail?.onBatch((entries) => {
      for (const entry of entries) {
        if (!('unreadable' in entry)) this.follow(entry);
      }
    });
  }

  /** The active or archived project with this id in this workspace. */
  async find(workspaceId: number, projectId: number): Promise<LivingProject | undefined> {
    const project = await this.byId(workspaceId, projectId);
    return project === undefined || !isLiving(project) ? undefined : project;
  }

  /** As {@link find}, deleted ones included. */
  async byId(workspaceId: number, projectId: number): Promise<KnownProject | undefined> {
    return visible(await this.projects.load(projectStream(projectId)), workspaceId);
  }

  /** The project `general` of the caller's workspace. Whoever asks first creates it; a crash in between harms nothing. */
  async general(context: CommandContext): Promise<LivingProject> {
    const { workspaceId } = context;
    const known = this.generals.get(workspaceId);
    const found = known === undefined ? undefined : await this.find(workspaceId, known);
    if (found !== undefined) return found;
    const own: CommandContext = { ...stepOf(context, 'general'), keyed: false, actor: system };
    const projectId = await this.reserveSlug(stepOf(own, 'slug'), GENERAL_SLUG);
    const general = (await this.find(workspaceId, projectId)) ?? (await this.createGeneral(own, projectId));
    this.generals.set(workspaceId, projectId);
    return general;
  }

  /** The next ticket number of a project; unique in it over all replicas, growing within a process, with gaps. */
  nextTicket(projectId: number): Promise<number> {
    return this.numbers.next(`ticket_${projectId}`);
  }

  /** The id of the project that has this slug; the first caller proposes one, everybody else reads the winner's. */
  async reserveSlug(context: CommandContext, slug: string): Promise<number> {
    const handle: ProjectHandle = { kind: 'slug', handle: slug };
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const owner = await this.holderOf(stepOf(context, `free:${round}`), handle);
      if (owner !== undefined) return owner;
      const projectId = await this.numbers.next('project');
      // The number is in the step: two callers with one key must not propose different events under one id.
      const outcome = await this.reserveOnce(stepOf(context, `reserve:${projectId}`), handle, projectId, false);
      if (outcome.state.owner !== null) return outcome.state.owner;
    }
    throw unavailable('The slug is being released and taken at the same time');
  }

  /**
   * Takes a handle for one project; false when another one has it. A handle that the project holds is taken anew:
   * somebody may be about to release it as left over.
   */
  async reserveFor(context: CommandContext, projectId: number, handle: ProjectHandle): Promise<boolean> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const owner = await this.holderOf(stepOf(context, `free:${round}`), handle, projectId);
      if (owner !== undefined) return false;
      const outcome = await this.reserveOnce(stepOf(context, `reserve:${round}`), handle, projectId, true);
      if (outcome.kind === 'accepted') return true;
    }
    throw unavailable('The handle is being released and taken at the same time');
  }

  /** Whether a prefix is one that its project went by before, and is kept for the tasks that were filed then. */
  async isFormerPrefix(workspaceId: number, prefix: string): Promise<boolean> {
    const { state } = await this.handles.load(handleStream(workspaceId, { kind: 'prefix', handle: prefix }));
    const owner = state.owner === null ? undefined : await this.byId(workspaceId, state.owner);
    return owner?.formerPrefixes.includes(prefix) ?? false;
  }

  /** Frees a handle that the project has; not when it was reserved again after `revision`. */
  async release(context: CommandContext, projectId: number, handle: ProjectHandle, revision?: bigint): Promise<void> {
    await this.handleLoop.execute(
      handleStream(context.workspaceId, handle),
      stepOf(context, `release:${projectId}:${handle.kind}:${handle.handle}:${revision ?? ''}`),
      (loaded) =>
        revision === undefined || loaded.revision === revision
          ? projectHandleDecider.decide({ type: 'ReleaseHandle', projectId, handle }, loaded.state)
          : { kind: 'accepted', events: [] },
    );
  }

  /** Whether a project (a deleted one, after a crash) still has a handle. */
  async stillHolds(workspaceId: number, projectId: number, handle: ProjectHandle): Promise<boolean> {
    return (await this.handles.reload(handleStream(workspaceId, handle))).state.owner === projectId;
  }

  /** Decides and appends on one project's stream. A project of another workspace looks like none. */
  async execute(
    context: CommandContext,
    projectId: number,
    command: ProjectCommand,
  ): Promise<Outcome<ProjectState, ProjectEvent, ProjectRefusal>> {
    return this.projectLoop.execute(projectStream(projectId), context, ({ state, workspaceId }) =>
      workspaceId !== undefined && workspaceId !== context.workspaceId
        ? { kind: 'refused', refusal: 'NotCreated' }
        : projectDecider.decide(command, state),
    );
  }

  /** One project with the times of its first and last fact. */
  describe(projectId: number): Promise<Loaded<ProjectState>> {
    return this.projects.load(projectStream(projectId));
  }

  private async createGeneral(context: CommandContext, projectId: number): Promise<LivingProject> {
    const prefix: ProjectHandle = { kind: 'prefix', handle: GENERAL_PREFIX };
    if (!(await this.reserveFor(stepOf(context, 'prefix'), projectId, prefix))) {
      throw new Error(`the prefix ${GENERAL_PREFIX} belongs to another project than ${GENERAL_SLUG}`);
    }
    const project = {
      projectId,
      slug: GENERAL_SLUG,
      name: 'General',
      ticketPrefix: GENERAL_PREFIX,
      description: 'Tasks that belong to no other project',
      githubRepo: null,
      deadline: null,
      color: null,
    };
    const create: ProjectCommand = { type: 'CreateProject', project };
    const { state } = await this.execute(context, projectId, create);
    if (state.kind === 'none' || !isLiving(state))
      throw new Error(`${GENERAL_SLUG} can be neither missing nor deleted`);
    return state;
  }

  /** Who has a handle, other than `candidate`. One that is only left over from a crash or a deletion is freed. */
  private async holderOf(
    context: CommandContext,
    handle: ProjectHandle,
    candidate?: number,
  ): Promise<number | undefined> {
    const { state, revision, lastAt } = await this.handles.reload(handleStream(context.workspaceId, handle));
    if (state.owner === null || state.owner === candidate) return undefined;
    if (await this.keeps(state.owner, handle, lastAt)) return state.owner;
    await this.release(context, state.owner, handle, revision);
    return undefined;
  }

  private async keeps(projectId: number, { kind, handle }: ProjectHandle, reservedAt?: Date): Promise<boolean> {
    const { state } = await this.projects.reload(projectStream(projectId));
    if (state.kind === 'deleted') return false;
    // A project that was never created leaves its slug, and with it its id, to whoever creates it again.
    if (kind === 'slug' || (state.kind !== 'none' && prefixesOf(state).includes(handle))) return true;
    return reservedAt !== undefined && this.clock.now().getTime() - reservedAt.getTime() < RESERVATION_MS;
  }

  private reserveOnce(context: CommandContext, handle: ProjectHandle, projectId: number, anew: boolean) {
    return this.handleLoop.execute(handleStream(context.workspaceId, handle), context, ({ state }) =>
      projectHandleDecider.decide({ type: 'ReserveHandle', projectId, handle, anew }, state),
    );
  }

  private follow(event: StoredEvent): void {
    if (event.stream.startsWith('project-')) this.projects.apply(event);
    else if (event.stream.startsWith('projecthandle-')) this.handles.apply(event);
  }
}

function handleStream(workspaceId: number, { kind, handle }: ProjectHandle): string {
  return `projecthandle-${derivedId('project-handle', workspaceId, kind, handle)}`;
}

function visible({ state, workspaceId: owner }: Loaded<ProjectState>, workspaceId: number): KnownProject | undefined {
  return state.kind === 'none' || owner !== workspaceId ? undefined : state;
}

function isLiving(project: KnownProject): project is LivingProject {
  return project.kind !== 'deleted';
}
