/**
 * A decision as three pure pieces. `decide` returns no events when the goal already holds; that habit makes every
 * retry harmless. A refusal is a value of the command's closed union, never an exception.
 */
export interface Decider<State, Command, Event, Refusal> {
  readonly initialState: State;
  readonly decide: (command: Command, state: State) => Decision<Event, Refusal>;
  /** Ignores event types that it does not know. */
  readonly evolve: (state: State, event: Event) => State;
}

export type Decision<Event, Refusal> =
  | { readonly kind: 'accepted'; readonly events: readonly Event[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function accepted<Event>(...events: readonly Event[]): Decision<Event, never> {
  return { kind: 'accepted', events };
}

export function refused<Refusal>(refusal: Refusal): Decision<never, Refusal> {
  return { kind: 'refused', refusal };
}
