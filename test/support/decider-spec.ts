import { expect } from '@jest/globals';
import type { Decider } from '../../src/platform/decider/decider.js';

/** given events, when a command, then events or a refusal: the language of every decider's spec. */
export function deciderSpec<State, Command, Event, Refusal>(decider: Decider<State, Command, Event, Refusal>) {
  const fold = (events: readonly Event[]) => events.reduce(decider.evolve, decider.initialState);
  return {
    fold,
    given: (...events: readonly Event[]) => ({
      when: (command: Command) => {
        const decision = decider.decide(command, fold(events));
        return {
          thenEvents: (...expected: readonly unknown[]) => {
            expect(decision).toEqual({ kind: 'accepted', events: expected });
          },
          thenNothing: () => {
            expect(decision).toEqual({ kind: 'accepted', events: [] });
          },
          thenRefused: (refusal: Refusal) => {
            expect(decision).toEqual({ kind: 'refused', refusal });
          },
        };
      },
    }),
  };
}
