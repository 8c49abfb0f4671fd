import { describe, expect, it } from '@jest/globals';
import { logOf, type Written } from '../../projections/engine/testing/log-of.js';
import { TaskHistory } from '../../projections/engine/testing/task-history.js';
import { BEFORE_EVERYTHING } from '../platform/event-store/position.js';
import type { StoredEvent } from '../platform/event-store/stored-event.js';
import { TouchedAgents } from './touched-agents.js';

const ann = { agentId: 4, name: 'ann' };
const bob = { agentId: 5, name: 'bob' };

/** Which of ann and bob each fact may concern. */
function touchedBy(log: readonly StoredEvent[]): readonly (readonly string[])[] {
  return log.map((entry) => {
    const touched = new TouchedAgents();
    touched.follow([entry]);
    return [ann, bob]
      .filter(({ agentId, name }) => touched.lastOf(1, agentId, name).commit >= 0n)
      .map(({ name }) => name);
  });
}

const toAnn = { assignedTo: 'ann', assignedAgentId: 4 };
const toBob = { assignedTo: 'bob', assignedAgentId: 5 };

describe('the agents that a fact touches', () => {
  it('are those that have a task before or after it', () => {
    const history = new TaskHistory()
      .create(1, toAnn)
      .change(1, { title: 'x' })
      .change(1, toBob)
      .claim(1, 'bob', 5)
      .renew(1)
      .giveBack(1, 'TaskReleased')
      .setStatus(1, 'review')
      .review(1, 'aegis', 'rejected')
      .comment(1, 'ann', 'hi')
      .delete(1)
      .create(2);
    expect(touchedBy(logOf(history.written))).toEqual([
      ['ann'],
      ['ann'],
      ['ann', 'bob'],
      ['bob'],
      ['bob'],
      ['bob'],
      ['bob'],
      ['bob'],
      ['bob'],
      ['bob'],
      [],
    ]);
  });

  it('are those whose inbox it is', () => {
    const inbox = (type: string): Written => ({
      stream: 'inbox-1',
      type,
      data: { recipient: 'ann', recipientAgentId: 4, ids: [1] },
    });
    const log = logOf(
      ['NotificationRaised', 'NotificationsRead', 'NotificationsDelivered', 'NotificationsDeleted'].map(inbox),
    );
    expect(touchedBy(log)).toEqual([['ann'], ['ann'], ['ann'], ['ann']]);
  });

  it('are whoever has the name by now, where nobody had it then, in the same workspace only', () => {
    const touched = new TouchedAgents();
    touched.follow(logOf(new TaskHistory().create(1, { assignedTo: 'ann' }).written));
    expect(touched.lastOf(1, 4, 'ann')).toEqual({ commit: 0n, prepare: 0n });
    expect(touched.lastOf(1, 4, 'ann the second')).toEqual(BEFORE_EVERYTHING);
    expect(touched.lastOf(2, 4, 'ann')).toEqual(BEFORE_EVERYTHING);
  });

  it('are all of them, where a fact cannot be read', () => {
    const [entry] = logOf(new TaskHistory().create(1).written);
    if (entry === undefined) throw new Error('the log is empty');
    const touched = new TouchedAgents();
    touched.follow([{ ...entry, unreadable: 'malformed', reason: 'broken' }]);
    expect(touched.lastOf(1, 4, 'ann')).toEqual(entry.position);
  });
});
