import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { agentDecider, type AgentCommand, type AgentState, type Registration } from './agent.decider.js';
import { agentStatuses, type AgentEvent, type AgentStatus } from './agents.events.js';

const { given, fold } = deciderSpec(agentDecider);

const profile = { role: 'cli', sessionKey: null, soulContent: null, config: {}, runtimeType: null };
const registration: Registration = { agentId: 7, name: 'build-bot', status: 'offline', source: 'api', profile };
const registered = (status: AgentStatus = 'offline'): AgentEvent => ({
  type: 'AgentRegistered',
  data: { ...registration, status },
});
const opened = (connectionId: string, epoch: number): AgentEvent => ({
  type: 'ConnectionOpened',
  data: {
    connectionId,
    agentId: 7,
    agentName: 'build-bot',
    toolName: 'codex',
    toolVersion: null,
    metadata: null,
    epoch,
  },
});
const closed = (
  connectionId: string,
  epoch: number,
  reason: 'client' | 'superseded' | 'expired' | 'agent_deleted',
  replacedBy?: string,
): AgentEvent => ({
  type: 'ConnectionClosed',
  data: { connectionId, agentId: 7, agentName: 'build-bot', epoch, reason, ...(replacedBy ? { replacedBy } : {}) },
});
const statusChanged = (status: AgentStatus, previousStatus: AgentStatus, reason: string) => ({
  type: 'AgentStatusChanged',
  data: { agentId: 7, name: 'build-bot', status, previousStatus, reason },
});
const open = (connectionId: string): AgentCommand => ({
  type: 'OpenConnection',
  registration,
  connection: { connectionId, toolName: 'codex', toolVersion: null, metadata: null },
});

describe('connecting', () => {
  it('creates an unknown agent online, with epoch 1', () => {
    given().when(open('a')).thenEvents(registered('online'), opened('a', 1));
  });

  it('brings a known agent online before the connection opens', () => {
    given(registered())
      .when(open('a'))
      .thenEvents(statusChanged('online', 'offline', 'connect'), opened('a', 1));
  });

  it('closes the open connection as superseded, and the epoch grows by one', () => {
    given(registered('online'), opened('a', 1))
      .when(open('b'))
      .thenEvents(closed('a', 1, 'superseded', 'b'), opened('b', 2));
  });

  it('is a no-op when this very connection is open', () => {
    given(registered('online'), opened('a', 1)).when(open('a')).thenNothing();
  });

  it('refuses to open a connection again that has ended', () => {
    given(registered('online'), opened('a', 1), closed('a', 1, 'client'))
      .when(open('a'))
      .thenRefused('StaleConnection');
  });

  it('refuses a retired agent', () => {
    given(registered(), { type: 'AgentRetired', data: { agentId: 7, name: 'build-bot' } })
      .when(open('a'))
      .thenRefused('Retired');
  });

  it('refuses an agent that goes by another name by now', () => {
    given(registered(), { type: 'AgentRenamed', data: { agentId: 7, name: 'other', previousName: 'build-bot' } })
      .when(open('a'))
      .thenRefused('NameChanged');
  });
});

describe('closing', () => {
  it('ends the open connection and takes the agent offline', () => {
    given(registered('busy'), opened('a', 1))
      .when({ type: 'CloseConnection', connectionId: 'a' })
      .thenEvents(closed('a', 1, 'client'), statusChanged('offline', 'busy', 'disconnect'));
  });

  it('is a no-op the second time', () => {
    given(registered(), opened('a', 1), closed('a', 1, 'client'))
      .when({ type: 'CloseConnection', connectionId: 'a' })
      .thenNothing();
  });

  it('refuses a connection that the agent never had', () => {
    given(registered(), opened('a', 1))
      .when({ type: 'CloseConnection', connectionId: 'x' })
      .thenRefused('UnknownConnection');
  });
});

describe('liveness', () => {
  it('expires the connection whose epoch is the active one', () => {
    given(registered('online'), opened('a', 1))
      .when({ type: 'ExpireConnection', connectionId: 'a', epoch: 1 })
      .thenEvents(closed('a', 1, 'expired'), statusChanged('offline', 'online', 'connection_expired'));
  });

  it('ignores an expiry that comes after the agent has connected anew', () => {
    given(registered('online'), opened('a', 1), closed('a', 1, 'superseded', 'b'), opened('b', 2))
      .when({ type: 'ExpireConnection', connectionId: 'a', epoch: 1 })
      .thenNothing();
  });

  it('refuses a status change that rests on a connection which is gone', () => {
    given(registered('online'), opened('a', 1), closed('a', 1, 'expired'))
      .when({ type: 'ChangeStatus', status: 'busy', reason: 'heartbeat', epoch: 1 })
      .thenRefused('StaleEpoch');
  });

  it('does not time out an agent that has an open connection', () => {
    given(registered('online'), opened('a', 1)).when({ type: 'TimeOutAgent' }).thenNothing();
  });
});

describe('changing', () => {
  it('records only what is different', () => {
    given(registered())
      .when({ type: 'ReconfigureAgent', changes: { role: 'cli', config: { a: 1 } } })
      .thenEvents({
        type: 'AgentReconfigured',
        data: { agentId: 7, name: 'build-bot', changes: { config: { a: 1 } } },
      });
  });

  it('retires with its open connection', () => {
    given(registered('online'), opened('a', 1))
      .when({ type: 'RetireAgent' })
      .thenEvents(closed('a', 1, 'agent_deleted'), { type: 'AgentRetired', data: { agentId: 7, name: 'build-bot' } });
  });
});

describe('always', () => {
  const connectionId = fc.constantFrom('a', 'b', 'c');
  const command: fc.Arbitrary<AgentCommand> = fc.oneof(
    fc.constant<AgentCommand>({ type: 'RegisterAgent', registration }),
    connectionId.map(open),
    connectionId.map((id): AgentCommand => ({ type: 'CloseConnection', connectionId: id })),
    fc.record({ type: fc.constant('ExpireConnection' as const), connectionId, epoch: fc.integer({ min: 1, max: 4 }) }),
    fc.constant<AgentCommand>({ type: 'TimeOutAgent' }),
    fc.record({
      type: fc.constant('ChangeStatus' as const),
      status: fc.constantFrom(...agentStatuses),
      reason: fc.constant('set' as const),
    }),
    fc.record({
      type: fc.constant('ReconfigureAgent' as const),
      changes: fc.record({ role: fc.constantFrom('x', 'y') }),
    }),
    fc.record({
      type: fc.constant('RenameAgent' as const),
      from: fc.constantFrom('build-bot', 'n', 'm'),
      name: fc.constantFrom('n', 'm'),
    }),
    fc.constant<AgentCommand>({ type: 'RetireAgent' }),
  );

  const run = (commands: readonly AgentCommand[]) => {
    const events: AgentEvent[] = [];
    let state: AgentState = agentDecider.initialState;
    for (const each of commands) {
      const decision = agentDecider.decide(each, state);
      if (decision.kind !== 'accepted') continue;
      events.push(...decision.events);
      state = fold(events);
      const again = agentDecider.decide(each, state);
      expect(again.kind === 'accepted' ? again.events : []).toEqual([]);
    }
    return { events, state };
  };

  it('decides nothing when the goal already holds, whatever came before', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 30 }), (commands) => void run(commands)));
  });

  it('has at most one open connection, and epochs without a gap', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const { events } = run(commands);
        let openIds = 0;
        const epochs: number[] = [];
        for (const event of events) {
          if (event.type === 'ConnectionOpened') {
            openIds += 1;
            epochs.push(event.data.epoch);
          }
          if (event.type === 'ConnectionClosed') openIds -= 1;
          expect(openIds).toBeGreaterThanOrEqual(0);
          expect(openIds).toBeLessThanOrEqual(1);
        }
        expect(epochs).toEqual(epochs.map((_, index) => index + 1));
      }),
    );
  });

  it('ignores event types that it does not know', () => {
    const state = fold([registered('online'), opened('a', 1)]);
    expect(agentDecider.evolve(state, { type: 'AgentPromoted', data: {} } as unknown as AgentEvent)).toEqual(state);
  });
});
