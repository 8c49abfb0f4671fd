import { victims } from '../injectors/kill.js';
import { copiesFamily } from './copies.js';
import type { Family } from './family.js';
import { notificationsFamily } from './notifications.js';
import { Trial } from './trial.js';
import { webhooksFamily } from './webhooks.js';

const LISTENERS_LEAST_CUTS = 100;

/** Everything that `npm run faults` can do; reference names in brackets. */
export const allFamilies: readonly Family[] = [
  ...victims.map((victim) => ({
    name: victim.replace(' ', '-'),
    what: `kill -9 of ${victim === 'everything' ? 'all processes at once' : `the ${victim}`} under load`,
    run: (options: Parameters<Family['run']>[0]) => Trial.run(victim.replace(' ', '-'), options, () => victim),
  })),
  {
    name: 'listeners',
    what: '20 listeners of two api processes, each cut at least 100 times while api, projector and event store die',
    run: (options) =>
      Trial.run(
        'listeners',
        { ...options, apiWorkers: 2, listeners: 20, leastCuts: LISTENERS_LEAST_CUTS },
        (_, random) => random.pick(['api', 'projector', 'event store']),
      ),
  },
  {
    name: 'copies',
    what: '50 parallel copies of one token report, everything killed among them, and 50 again',
    run: copiesFamily,
  },
  {
    name: 'notifications',
    what: 'tasks and comments under way while the reactor that tells of them, the event store or everything is killed',
    run: notificationsFamily,
  },
  {
    name: 'webhooks',
    what: '10,000 facts for receivers that fail 30 % of the calls, while dispatcher, api, event store or everything is killed',
    run: webhooksFamily,
  },
];

/** The small form: one system, every victim in turn. */
export const mixedFamily: Family = {
  name: 'mixed',
  what: 'kill -9 of every victim in turn',
  run: (options) =>
    Trial.run('mixed', options, (round, random) => victims[(round - 1) % victims.length] ?? random.pick(victims)),
};
