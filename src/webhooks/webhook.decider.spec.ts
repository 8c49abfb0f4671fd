import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { webhookDecider, type WebhookCommand } from './webhook.decider.js';
import type { WebhookEvent } from './webhooks.events.js';

const { given } = deciderSpec(webhookDecider);
const NOW = '2026-01-02T00:00:00.000Z';
const LATER = '2026-01-03T00:00:00.000Z';
const endpoint = { webhookId: 3, name: 'chat' };
const terms = {
  ...endpoint,
  url: 'https://x.test/',
  events: ['*'],
  order: 'none',
  headers: [],
  masterKeyId: 'k',
} as const;
const registered: WebhookEvent = { type: 'WebhookRegistered', data: { ...terms, bodyVersion: 1 } };
const paused: WebhookEvent = { type: 'WebhookDisabled', data: { ...endpoint, reason: 'paused' } };
const change = (more: Partial<Extract<WebhookCommand, { type: 'Update' }>>): WebhookCommand => ({
  type: 'Update',
  webhookId: 3,
  changes: {},
  ...more,
});
const rotation = { masterKeyId: 'k', previousValidUntil: LATER, now: NOW };

describe('an endpoint', () => {
  it('is registered once', () => {
    given()
      .when({ type: 'Register', ...terms })
      .thenEvents(registered);
    given(registered)
      .when({ type: 'Register', ...terms })
      .thenNothing();
  });

  it('that is not there, or was removed, takes no command', () => {
    const removed: WebhookEvent = { type: 'WebhookRemoved', data: endpoint };
    given().when(change({})).thenRefused('NotFound');
    given(registered, removed)
      .when(change({ set: 'resume' }))
      .thenRefused('NotFound');
    given(registered, removed).when({ type: 'Remove', webhookId: 3 }).thenNothing();
  });

  it('changes only what is different', () => {
    given(registered)
      .when(change({ changes: { name: 'chat', events: ['*'] } }))
      .thenNothing();
    given(registered)
      .when(change({ changes: { name: 'talk', url: 'https://x.test/' } }))
      .thenEvents({
        type: 'WebhookChanged',
        data: { webhookId: 3, name: 'talk', enabled: true, changes: { name: 'talk' } },
      });
  });

  it('is paused and enabled, with or without what is pending', () => {
    given(registered)
      .when(change({ set: 'pause' }))
      .thenEvents(paused);
    given(registered)
      .when(change({ set: 'skip' }))
      .thenNothing();
    given(registered, paused)
      .when(change({ set: 'skip' }))
      .thenEvents({ type: 'WebhookEnabled', data: { ...endpoint, backlog: 'skip' } });
    given(registered, paused).when({ type: 'Disable', webhookId: 3, reason: 'gone' }).thenNothing();
  });

  it('has five live secrets at most', () => {
    const rotated = (secretId: number): WebhookEvent => ({
      type: 'WebhookSecretRotated',
      data: { ...endpoint, enabled: true, secretId, masterKeyId: 'k', previousValidUntil: LATER },
    });
    given(registered).when(change({ rotation })).thenEvents(rotated(2));
    given(registered, rotated(2), rotated(3), rotated(4), rotated(5))
      .when(change({ rotation }))
      .thenRefused('TooManyLive');
  });

  it('fails and recovers once', () => {
    const failing: WebhookEvent = { type: 'WebhookFailing', data: { ...endpoint, since: NOW } };
    given(registered).when({ type: 'NoteFailing', webhookId: 3, since: NOW }).thenEvents(failing);
    given(registered, failing).when({ type: 'NoteFailing', webhookId: 3, since: LATER }).thenNothing();
    given(registered).when({ type: 'NoteRecovered', webhookId: 3 }).thenNothing();
    given(registered, failing)
      .when({ type: 'NoteRecovered', webhookId: 3 })
      .thenEvents({ type: 'WebhookRecovered', data: endpoint });
  });

  it('reaches every goal with one decision, and ignores what it does not know', () => {
    const replay = {
      after: null,
      until: { commit: '0'.repeat(16), prepare: '0'.repeat(16) },
      since: null,
      before: null,
    };
    const command: fc.Arbitrary<WebhookCommand> = fc.constantFrom<WebhookCommand>(
      { type: 'Register', ...terms },
      change({ set: 'pause' }),
      change({ set: 'resume', changes: { events: ['task'] } }),
      { type: 'Disable', webhookId: 3, reason: 'failing' },
      { type: 'NoteFailing', webhookId: 3, since: NOW },
      { type: 'NoteRecovered', webhookId: 3 },
      { type: 'RequestReplay', webhookId: 3, replayId: 'r', types: null, onlyDead: false, ...replay },
      { type: 'FinishReplay', webhookId: 3, replayId: 'r' },
      { type: 'Remove', webhookId: 3 },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
        let state = webhookDecider.initialState;
        for (const each of commands) {
          const decision = webhookDecider.decide(each, state);
          if (decision.kind === 'refused') continue;
          state = decision.events.reduce(webhookDecider.evolve, state);
          const again = webhookDecider.decide(each, state);
          expect(again.kind === 'refused' || again.events.length === 0).toBe(true);
          expect(webhookDecider.evolve(state, { type: 'Unknown', data: {} } as unknown as WebhookEvent)).toEqual(state);
        }
      }),
    );
  });
});
