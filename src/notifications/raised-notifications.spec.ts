import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { sampleMetadata } from '../../test/support/sample-events.js';
import { ScriptedLog } from '../../test/support/scripted-log.js';
import type { CausingFact } from '../platform/command/caused-facts.js';
import { LogTail } from '../platform/log-tail/log-tail.js';
import { notificationsCausedBy } from './notification-causes.js';
import { RaisedNotifications } from './raised-notifications.js';

const { actor } = sampleMetadata();
const message = (recipients: readonly string[]): CausingFact => ({
  eventId: 'cause',
  event: {
    type: 'TaskBroadcast',
    data: { taskId: 7, title: 't', message: 'm', recipients: recipients.map((name) => ({ name, agentId: null })) },
  },
});

describe('the wait for notifications that a command causes', () => {
  let log: ScriptedLog;
  let tail: LogTail;
  let raised: RaisedNotifications;

  beforeEach(() => {
    log = new ScriptedLog();
    tail = new LogTail(log, quietLogger, { behindHead: 1, proveEveryMs: 20 });
    raised = new RaisedNotifications(log, tail);
  });
  afterEach(() => tail.stop());

  async function raise({ eventId, event }: CausingFact, which = 0) {
    const caused = notificationsCausedBy({ ...event, id: eventId, metadata: { actor } })[which];
    if (caused === undefined) throw new Error('nothing is caused');
    const { uuid, data, stream } = caused;
    const proposed = { id: uuid, type: 'NotificationRaised', data, metadata: sampleMetadata() };
    return (await log.append(stream, [proposed])).position;
  }

  it('ends at once when nothing is caused', async () => {
    expect(await raised.recorded([], actor, 10_000)).toBe('none');
    expect(await raised.recorded([message([])], actor, 10_000)).toBe('none');
  });

  it('ends with the last of them, in whatever order they come', async () => {
    tail.start();
    const cause = message(['bob', 'eve']);
    const waiting = raised.recorded([cause], actor, 10_000);
    await raise(cause, 1);
    const last = await raise(cause, 0);
    expect(await waiting).toEqual(last);
    expect(await raised.recorded([cause], actor, 10_000)).toEqual(last);
  });

  it('is late when one is missing after the bound', async () => {
    tail.start();
    const cause = message(['bob', 'eve']);
    await raise(cause);
    expect(await raised.recorded([cause], actor, 20)).toBe('late');
  });

  it('finds what was raised before this process saw the log', async () => {
    const cause = message(['bob']);
    const position = await raise(cause);
    for (let other = 0; other < 5; other += 1) await raise({ ...message(['x']), eventId: `other ${other}` });
    tail.start();
    await eventually('a live tail', () => tail.isLive(1_000));
    expect(await raised.recorded([cause], actor, 10_000)).toEqual(position);
  });

  it('is late, and no error, while the store is away', async () => {
    log.isAway = true;
    expect(await raised.recorded([message(['bob'])], actor, 20)).toBe('late');
  });
});
