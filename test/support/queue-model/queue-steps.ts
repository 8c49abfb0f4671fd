import { expect } from '@jest/globals';
import * as fc from 'fast-check';
import { decidePoll } from '../../../src/queue/decide-poll.js';
import type { PollOutcome } from '../../../src/queue/poll.commands.js';
import type { TaskChanges, TaskCommand } from '../../../src/tasks/task.decider.js';
import { taskPriorities, taskStatuses } from '../../../src/tasks/tasks.events.js';
import { agentNames, agents, type AgentName, type ModelTask, type QueueModel } from './queue-model.js';
import { recipient, type QueueWorld } from './queue-world.js';

type Step = fc.AsyncCommand<QueueModel, QueueWorld>;
type Run = (model: QueueModel, world: QueueWorld) => Promise<void>;

/** A step that makes sense whenever `check` holds; its name is what a counterexample shows. */
function step(name: string, run: Run, check: (model: QueueModel) => boolean = () => true): Step {
  return {
    check,
    run: async (model, world) => {
      await run(model, world);
      await world.settle();
    },
    toString: () => name,
  };
}

const hasTask = (model: QueueModel) => model.living.length > 0;
const agent = fc.constantFrom(...agentNames, 'ann' as const);
const nth = fc.nat({ max: 9 });
const capacity = fc.constantFrom(1, 1, 2, 3);
const process = fc.nat({ max: 1 });

const given = fc.record({
  priority: fc.constantFrom(...taskPriorities),
  due: fc.option(fc.constantFrom(100, 200)),
  assignee: fc.option(agent, { freq: 2 }),
});

const creating = fc.tuple(fc.array(given, { minLength: 1, maxLength: 4 }), fc.boolean()).map(([tasks, isShown]) =>
  step(
    `create(${tasks.map((one) => `${one.priority} ${one.due} ${one.assignee}`).join(', ')}${isShown ? '' : '; not shown'})`,
    async (model, world) => {
      for (const { priority, due, assignee } of tasks) {
        const assignedAgentId = assignee === null ? null : agents[assignee];
        const id = await world.create({ priority, dueDate: due, assignedTo: assignee, assignedAgentId });
        model.create(id, priority, due, assignee);
        if (isShown) await world.show([id]);
      }
    },
  ),
);

const showing = fc
  .array(nth, { maxLength: 4 })
  .map((which) =>
    step(`show(${which.join()})`, (model, world) => world.show(which.flatMap((one) => model.tasks[one]?.id ?? []))),
  );

const passing = fc.constantFrom(50, 100, 1_000).map((seconds) =>
  step(`pass(${seconds} s)`, (_, world) => {
    world.passTime(seconds);
    return Promise.resolve();
  }),
);

const polling = fc
  .record({ agent, capacity, process, isShown: fc.boolean() })
  .map((poll) => step(`poll(${poll.agent}, ${poll.capacity}${poll.isShown ? ', all shown' : ''})`, pollOf(poll)));

const racing = fc.array(fc.record({ agent, process }), { minLength: 2, maxLength: 6 }).chain((polls) =>
  capacity.map((each) =>
    step(`race(${polls.map((poll) => `${poll.agent}@${poll.process}`).join()}, ${each})`, async (model, world) => {
      await world.show(model.tasks.map(({ id }) => id));
      const candidates = new Set(agentNames.flatMap((name) => model.candidates(name).map(({ id }) => id)));
      const outcomes = await Promise.all(
        polls.map((poll) => world.poll(poll.agent, each, processFor(model, poll.agent, poll.process))),
      );
      for (const { agent: name } of polls) await noteSettled(model, world, name);
      const before = new Map(agentNames.map((name) => [name, model.claimed(name).length]));
      const assigned = outcomes.filter(({ reason }) => reason === 'assigned');
      expect(new Set(assigned.map(idOf)).size).toBe(assigned.length);
      for (const outcome of assigned) expect(candidates).toContain(idOf(outcome));
      for (const [index, poll] of polls.entries()) {
        const outcome = outcomes[index];
        if (outcome !== undefined) note(model, poll.agent, outcome);
      }
      for (const name of agentNames) {
        expect(model.claimed(name).length).toBeLessThanOrEqual(Math.max(before.get(name) ?? 0, each));
      }
      const emptyHanded = polls.filter((_, index) => outcomes[index]?.reason === 'no_tasks_available');
      for (const { agent: name } of emptyHanded) {
        expect(model.candidates(name).length).toBeLessThan(polls.length + model.stalled.size);
      }
    }),
  ),
);

const mayStall = (model: QueueModel, name: AgentName, nthProcess: number) =>
  model.candidates(name, nthProcess).length > 0 && !model.stalled.has(name) && model.held(name).length < 3;

const stalling = fc
  .record({ agent, process })
  .map(({ agent: name, process: nthProcess }) =>
    step(`stall(${name}@${nthProcess})`, stallOf(name, nthProcess), (model) => mayStall(model, name, nthProcess)),
  );

const resuming = agent.map((name) => step(`resume(${name})`, resumeOf(name), (model) => model.stalled.has(name)));

/** The suspended poll comes back when another has been there, and perhaps somebody has made its task less urgent. */
const overtaking = fc.record({ agent, process, capacity, isTouched: fc.boolean() }).map(({ isTouched, ...poll }) =>
  step(
    `overtake(${poll.agent}, ${poll.capacity}${isTouched ? ', touched' : ''})`,
    async (model, world) => {
      await stallOf(poll.agent, poll.process)(model, world);
      const task = model.stalled.get(poll.agent)?.task;
      if (isTouched && task !== undefined) {
        await world.execute(task.id, changeOf(task, { priority: 'low' }));
        task.priority = 'low';
        await world.show([task.id]);
      }
      await world.settle();
      await pollOf({ ...poll, isShown: false })(model, world);
      await world.settle();
      await resumeOf(poll.agent)(model, world);
    },
    (model) => mayStall(model, poll.agent, poll.process),
  ),
);

const releasing = fc.tuple(nth, fc.constantFrom('current', 'former', 'any')).map(([which, lease]) =>
  step(
    `release(${which}, ${lease})`,
    async (model, world) => {
      const task = model.pick(which);
      if (task === undefined) return;
      const former = [...task.ended.keys()].at(-1);
      const leaseId = lease === 'current' ? task.lease?.id : lease === 'former' ? former : undefined;
      const outcome = await world.execute(task.id, {
        type: 'ReleaseTask',
        reason: null,
        ...(leaseId === undefined ? {} : { leaseId }),
      });
      if (leaseId !== undefined && leaseId !== task.lease?.id) {
        const how = task.ended.get(leaseId);
        expect(outcome.kind).toBe(how === 'released' ? 'accepted' : 'refused');
        if (outcome.kind === 'refused') expect(outcome.refusal).toEqual({ kind: 'LeaseLost', how });
      } else {
        expect(outcome.kind).toBe(task.lease === null ? 'refused' : 'accepted');
        model.giveBack(task, 'released');
      }
    },
    hasTask,
  ),
);

const expiring = fc.tuple(nth, fc.boolean()).map(([which, isLate]) =>
  step(
    `expire(${which}${isLate ? ', seen before' : ''})`,
    async (model, world) => {
      const task = model.pick(which);
      const known = task === undefined ? undefined : await world.find(task.id);
      if (task === undefined || known === undefined) return;
      const leaseId = known.task.lease?.leaseId ?? [...task.ended.keys()].at(-1);
      if (leaseId === undefined) return;
      const seen = isLate ? known.revision - 1n : known.revision;
      await world.execute(task.id, { type: 'ExpireLease', leaseId, epoch: known.task.epoch }, seen);
      if (!isLate) model.giveBack(task, 'expired');
    },
    hasTask,
  ),
);

const changing = fc
  .record({
    which: nth,
    status: fc.option(fc.constantFrom(...taskStatuses)),
    to: fc.option(agent),
    isLate: fc.boolean(),
  })
  .map(({ which, status, to, isLate }) =>
    step(
      `change(${which}, ${status}, ${to}${isLate ? ', with a former lease' : ''})`,
      async (model, world) => {
        const task = model.pick(which);
        if (task === undefined) return;
        const lost = isLate ? [...task.ended].findLast(([, how]) => how === 'expired') : undefined;
        const changes = {
          ...(status === null ? {} : { status }),
          ...(to === null ? {} : { assignedTo: to, assignedAgentId: agents[to] }),
        };
        const outcome = await world.execute(task.id, changeOf(task, changes, lost?.[0]));
        if (outcome.kind === 'refused') {
          const { refusal } = outcome;
          if (refusal.kind === 'LeaseLost') expect(refusal.how).toBe(lost?.[1]);
          else expect([refusal.kind, status]).toEqual(['GateClosed', 'done']);
        } else {
          if (outcome.events.length > 0) expect(lost).toBeUndefined();
          const isNew = to !== null && to !== task.assignee;
          const inbox = status === null && isNew && task.status === 'inbox' ? { status: 'assigned' } : {};
          model.set(task, {
            ...inbox,
            ...(status === null ? {} : { status }),
            ...(to === null ? {} : { assignee: to }),
          });
        }
        // Who changes a task is answered when the read model shows it.
        await world.show([task.id]);
      },
      hasTask,
    ),
  );

const deleting = nth.map((which) =>
  step(
    `delete(${which})`,
    async (model, world) => {
      const task = model.pick(which);
      if (task === undefined) return;
      await world.execute(task.id, { type: 'DeleteTask' });
      task.deleted = true;
    },
    hasTask,
  ),
);

/** Everything that may happen to a queue, often what agents do most. */
export const queueSteps = [
  creating,
  creating,
  creating,
  polling,
  polling,
  polling,
  racing,
  racing,
  overtaking,
  overtaking,
  stalling,
  stalling,
  resuming,
  resuming,
  showing,
  passing,
  releasing,
  expiring,
  changing,
  deleting,
];

function changeOf(task: ModelTask, changes: TaskChanges, leaseId?: string): TaskCommand {
  return {
    type: 'ChangeTask',
    changes,
    by: task.assignee === null ? { name: 'tester', agentId: null } : recipient(task.assignee),
    ...(leaseId === undefined ? {} : { leaseId }),
    at: 1,
    mentions: [],
  };
}

/** A poll finishes what an earlier one of the agent intended, if nothing happened to the task since. */
async function noteSettled(model: QueueModel, world: QueueWorld, name: AgentName): Promise<void> {
  const stalled = model.stalled.get(name);
  if (stalled === undefined || stalled.isSettled) return;
  stalled.isSettled = true;
  const { task, intent } = stalled;
  const known = await world.find(task.id);
  if (known?.task.lease?.leaseId === intent.leaseId) model.claim(task, name, intent.leaseId);
  else expect(known?.revision).not.toBe(BigInt(intent.taskRevision));
}

/** The process that may poll for an agent: one that is busy with a stalled poll of it does not answer. */
function processFor(model: QueueModel, name: AgentName, wanted: number): number {
  const stalled = model.stalled.get(name);
  return stalled === undefined ? wanted : 1 - stalled.process;
}

/** What the poll did, as it says itself. */
function note(model: QueueModel, name: AgentName, { reason, task }: PollOutcome): void {
  if (task === null) return;
  const { snapshot, lease } = task.task;
  const known = model.tasks.find(({ id }) => id === snapshot.taskId);
  if (known === undefined || lease === null) throw new Error(`task ${snapshot.taskId} came without a lease`);
  if (known.lease?.id === lease.leaseId) return;
  expect(known.lease).toBeNull();
  if (reason === 'assigned') expect(model.candidates(name)).toContain(known);
  model.claim(known, name, lease.leaseId);
}

function idOf({ task }: PollOutcome): number {
  return task?.task.snapshot.taskId ?? 0;
}

interface Poll {
  readonly agent: AgentName;
  readonly capacity: number;
  readonly process: number;
  readonly isShown: boolean;
}

function pollOf(poll: Poll): Run {
  return async (model, world) => {
    if (poll.isShown) await world.show(model.tasks.map(({ id }) => id));
    const asked = processFor(model, poll.agent, poll.process);
    const outcome = await world.poll(poll.agent, poll.capacity, asked);
    await noteSettled(model, world, poll.agent);
    const held = model.held(poll.agent).length;
    const candidates = model.candidates(poll.agent, asked);
    const expected = decidePoll(poll.capacity, held, candidates.length > 0);
    // A read model that lags hides tasks; what it shows is still decided rightly.
    if (poll.isShown || outcome.reason === 'assigned' || held >= poll.capacity) {
      expect(outcome.reason).toBe(expected.reason);
    } else {
      expect(outcome.reason).toBe(decidePoll(poll.capacity, held, false).reason);
    }
    if (outcome.reason === 'assigned') {
      expect(candidates.map(({ id }) => id)).toContain(idOf(outcome));
      // A process that is alone keeps the order exactly.
      if (poll.isShown && model.stalled.size === 0) expect(idOf(outcome)).toBe(candidates[0]?.id);
    }
    note(model, poll.agent, outcome);
    const answered = new Set(outcome.held.map(({ task }) => task.snapshot.taskId));
    expect(answered).toEqual(new Set(model.held(poll.agent).map(({ id }) => id)));
  };
}

function stallOf(name: AgentName, nthProcess: number): Run {
  return async (model, world) => {
    await world.show(model.tasks.map(({ id }) => id));
    const limit = model.held(name).length + 1;
    const poll = await world.stalledPoll(name, limit, nthProcess);
    const task = model.tasks.find(({ id }) => id === poll.intent.taskId);
    if (task === undefined) throw new Error(`${poll.intent.taskId} is no task of the model`);
    model.stalled.set(name, { ...poll, task, capacity: limit, process: nthProcess, isSettled: false });
  };
}

function resumeOf(name: AgentName): Run {
  return async (model, world) => {
    const poll = model.stalled.get(name);
    if (poll === undefined) return;
    const before = model.claimed(name).length;
    poll.resume();
    const outcome = await poll.outcome;
    await noteSettled(model, world, name);
    model.stalled.delete(name);
    note(model, name, outcome);
    expect(model.claimed(name).length).toBeLessThanOrEqual(Math.max(before, poll.capacity));
  };
}
