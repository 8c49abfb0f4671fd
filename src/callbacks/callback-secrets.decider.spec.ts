import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { callbackSecretsDecider, isLive, type CallbackSecretCommand } from './callback-secrets.decider.js';
import type { CallbackSecretEvent } from './callbacks.events.js';

const { given, fold } = deciderSpec(callbackSecretsDecider);
const agent = { agentId: 7, agentName: 'bob' };
const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();

const FINGERPRINT = 'f'.repeat(64);

const issued = (
  secretId: number,
  previousValidUntil: string | null = null,
  fingerprint: string | null = null,
): CallbackSecretEvent => ({
  type: 'CallbackSecretIssued',
  data: { ...agent, secretId, masterKeyId: 'm', previousValidUntil, fingerprint },
});
const issue = (hour: number, graceHours = 24, fingerprint: string | null = null): CallbackSecretCommand => ({
  ...agent,
  type: 'IssueSecret',
  masterKeyId: 'm',
  previousValidUntil: at(hour + graceHours),
  now: at(hour),
  fingerprint,
});
const end = (secretId: number, hour = 0): CallbackSecretCommand => ({
  ...agent,
  type: 'EndSecret',
  secretId,
  now: at(hour),
});

describe('the secrets of an agent', () => {
  it('are numbered; the first one ends nothing, the next one ends those before it', () => {
    given().when(issue(0)).thenEvents(issued(1));
    given(issued(1))
      .when(issue(1))
      .thenEvents(issued(2, at(25)));
    given(issued(1), issued(2, at(25)))
      .when(issue(2, 0))
      .thenEvents(issued(3, at(2)));
  });

  it('may be imported, each once while it is live', () => {
    given()
      .when(issue(0, 24, FINGERPRINT))
      .thenEvents(issued(1, null, FINGERPRINT));
    given(issued(1, null, FINGERPRINT))
      .when(issue(1, 24, FINGERPRINT))
      .thenRefused('AlreadyLive');
    given(issued(1, null, FINGERPRINT), issued(2, at(1)))
      .when(issue(2, 24, FINGERPRINT))
      .thenEvents(issued(3, at(26), FINGERPRINT));
  });

  it('are five at most at a time; what has ended makes room', () => {
    const five = [1, 2, 3, 4, 5].map((id) => issued(id, id === 1 ? null : at(24)));
    given(...five)
      .when(issue(1))
      .thenRefused('TooManyLive');
    given(...five)
      .when(issue(25))
      .thenEvents(issued(6, at(49)));
    given(...five, { type: 'CallbackSecretEnded', data: { ...agent, secretId: 2 } })
      .when(issue(1))
      .thenEvents(issued(6, at(25)));
  });

  it('end once; what never was, or is over, cannot be ended', () => {
    const ended: CallbackSecretEvent = { type: 'CallbackSecretEnded', data: { ...agent, secretId: 1 } };
    given(issued(1)).when(end(1)).thenEvents(ended);
    given(issued(1), ended).when(end(1)).thenNothing();
    given(issued(1)).when(end(2)).thenRefused('NotLive');
    given(issued(1), issued(2, at(1)))
      .when(end(1, 2))
      .thenRefused('NotLive');
  });

  it('sign the body alone only after it was allowed', () => {
    const allowed: CallbackSecretEvent = { type: 'LegacyCallbacksAllowed', data: agent };
    const forbidden: CallbackSecretEvent = { type: 'LegacyCallbacksForbidden', data: agent };
    given()
      .when({ ...agent, type: 'AllowLegacy' })
      .thenEvents(allowed);
    given(allowed)
      .when({ ...agent, type: 'AllowLegacy' })
      .thenNothing();
    given(allowed)
      .when({ ...agent, type: 'ForbidLegacy' })
      .thenEvents(forbidden);
    given()
      .when({ ...agent, type: 'ForbidLegacy' })
      .thenNothing();
  });

  it('are never more than five live ones, whatever is asked for, and one is always the newest', () => {
    const command = fc.oneof(
      fc.nat({ max: 48 }).map((grace) => ({ kind: 'issue' as const, grace })),
      fc.integer({ min: 1, max: 8 }).map((id) => ({ kind: 'end' as const, id })),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        const events: CallbackSecretEvent[] = [];
        for (const [hour, asked] of commands.entries()) {
          const wanted = asked.kind === 'issue' ? issue(hour, asked.grace) : end(asked.id, hour);
          const decision = callbackSecretsDecider.decide(wanted, fold(events));
          if (decision.kind === 'accepted') events.push(...decision.events);
          const live = fold(events).secrets.filter((secret) => isLive(secret, at(hour)));
          expect(live.length).toBeLessThanOrEqual(5);
          expect(live.filter(({ validUntil }) => validUntil === null).length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('are folded past event types that nobody knows', () => {
    const unknown = { type: 'CallbackSecretBurnt', data: {} } as unknown as CallbackSecretEvent;
    expect(callbackSecretsDecider.evolve(fold([issued(1)]), unknown)).toEqual(fold([issued(1)]));
  });
});
