import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { activities } from '../../projections/activities/activities.projection.js';
import { deliver } from '../../projections/engine/testing/given.js';
import { idOf, type Written } from '../../projections/engine/testing/log-of.js';
import { readerOn } from '../../projections/engine/testing/reader.js';
import { resetProjections } from '../../projections/engine/testing/reset.js';
import { TaskHistory } from '../../projections/engine/testing/task-history.js';
import { notifications } from '../../projections/notifications/notifications.projection.js';
import { tasks } from '../../projections/tasks/tasks.projection.js';
import { RECENT_MS, WorkItemQueries } from '../../projections/work-items/work-items.queries.js';
import { eventually } from '../../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import { Clock } from '../platform/clock/clock.js';
import { unavailable } from '../platform/http/errors.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { WorkItems, type Work } from './work-items.js';

class SetClock extends Clock {
  constructor(public at: number) {
    super();
  }

  override now(): Date {
    return new Date(this.at);
  }
}

const START = Date.parse('2026-01-01T00:00:00Z');
const ann = { workspaceId: 1, agentId: 4, name: 'ann' };
const toAnn = { assignedTo: 'ann', assignedAgentId: 4, status: 'assigned' } as const;

describe('what a beat is answered with', () => {
  let database: TestDatabase;
  let log: ScriptedLog;
  let tail: LogTail;
  let clock: SetClock;
  let work: WorkItems;
  let asked: number;
  let isDatabaseAway: boolean;

  beforeAll(async () => {
    database = await testDatabase();
  });
  beforeEach(async () => {
    await resetProjections(database.url);
    log = new ScriptedLog();
    tail = new LogTail(log, quietLogger, { proveEveryMs: 20 });
    clock = new SetClock(START);
    asked = 0;
    isDatabaseAway = false;
    const reader = readerOn(database.url);
    const queries = new WorkItemQueries({
      query: (text, values) => {
        asked += 1;
        return isDatabaseAway ? Promise.reject(unavailable('away')) : reader.query(text, values);
      },
    });
    work = new WorkItems(queries, tail, clock);
    await written(new TaskHistory().create(1).written);
    tail.start();
    await fold();
    await followed();
  });
  afterEach(() => tail.stop());
  afterAll(() => database.drop());

  async function written(events: readonly Written[]): Promise<void> {
    for (const { stream, type, data, workspaceId = 1, recordedAt } of events) {
      const metadata = sampleMetadata({ workspaceId, ...(recordedAt === undefined ? {} : { recordedAt }) });
      await log.append(stream, [{ id: idOf(`${stream} ${log.entries.length}`), type, data, metadata }]);
    }
  }

  const head = () => log.entries.at(-1)?.position;

  async function followed(): Promise<void> {
    await eventually(
      'the tail is live at the head',
      () => tail.isLive(1_000) && tail.position.commit === head()?.commit,
    );
  }

  async function fold(): Promise<void> {
    for (const projection of [tasks, notifications, activities]) {
      await deliver(database.url, projection, 1, log.entries);
    }
  }

  const titles = ({ sections }: Work) => sections.assignedTasks.items.map(({ title }) => title);

  it('comes from memory, and is true up to where the log has been followed', async () => {
    await written(new TaskHistory().create(2, toAnn).written);
    await fold();
    await followed();
    expect(titles(await work.forBeat(ann))).toEqual(['Task 2']);

    await written(new TaskHistory().create(3, { assignedTo: 'bob', assignedAgentId: 5 }).written);
    await followed();
    const again = await work.forBeat(ann);
    expect(titles(again)).toEqual(['Task 2']);
    expect(again.asOf).toEqual(head());
    expect(asked).toBe(1);
  });

  it('is asked for anew when a fact touches the agent, and kept once the tables have passed that fact', async () => {
    await work.forBeat(ann);
    await written(new TaskHistory().create(2, toAnn).written);
    await followed();

    const early = await work.forBeat(ann);
    expect(titles(early)).toEqual([]);
    expect(early.asOf).toEqual(log.entries[0]?.position);
    await fold();
    expect(titles(await work.forBeat(ann))).toEqual(['Task 2']);
    await work.forBeat(ann);
    expect(asked).toBe(3);
  });

  it('is asked for anew under another name', async () => {
    await written(new TaskHistory().create(2, { assignedTo: 'anna', status: 'assigned' }).written);
    await fold();
    await followed();
    expect(titles(await work.forBeat(ann))).toEqual([]);
    expect(titles(await work.forBeat({ ...ann, name: 'anna' }))).toEqual(['Task 2']);
  });

  it('is asked for anew when something leaves the last hours', async () => {
    await written([
      {
        stream: `notification-${idOf('one')}`,
        type: 'NotificationRaised',
        recordedAt: new Date(START).toISOString(),
        data: {
          notificationId: 1,
          uuid: idOf('one'),
          recipient: 'ann',
          recipientAgentId: 4,
          type: 'mention',
          title: 't',
          message: 'm',
          sourceType: 'comment',
          sourceId: 1,
          taskId: 1,
          commentId: 1,
          author: 'bob',
          excerpt: 'x',
          taskTitle: 'Task 1',
        },
      },
    ]);
    await fold();
    await followed();
    clock.at = START + RECENT_MS - 1;
    expect((await work.forBeat(ann)).sections.mentions.count).toBe(1);
    await work.forBeat(ann);
    expect(asked).toBe(1);
    clock.at += 1;
    const { sections } = await work.forBeat(ann);
    expect([sections.mentions.count, sections.notifications.count]).toEqual([0, 1]);
  });

  it('is asked for each time while the log is not followed', async () => {
    await tail.stop();
    const idle = new WorkItems(
      new WorkItemQueries({
        query: (text, values) => {
          asked += 1;
          return readerOn(database.url).query(text, values);
        },
      }),
      new LogTail(log, quietLogger),
      clock,
    );
    for (let beat = 0; beat < 3; beat++) expect((await idle.forBeat(ann)).asOf).toEqual(head());
    expect(asked).toBe(3);
  });

  it('is what was true last, or at the beginning, while the tables are away', async () => {
    await written(new TaskHistory().create(2, toAnn).written);
    await fold();
    await followed();
    const { asOf } = await work.forBeat(ann);
    await written(new TaskHistory().create(3, toAnn).written);
    await followed();
    isDatabaseAway = true;

    const then = await work.forBeat(ann);
    expect(titles(then)).toEqual(['Task 2']);
    expect(then.asOf).toEqual(asOf);
    const stranger = await work.forBeat({ ...ann, agentId: 5, name: 'bob' });
    expect(titles(stranger)).toEqual([]);
    expect(stranger.asOf.commit).toBe(-1n);
    await expect(work.read(ann)).rejects.toMatchObject({ status: 503 });
  });
});
