import type { DomainEvent, EventMetadata, Json } from '../../platform/event-store/stored-event.js';

/** Whom and what a fact is about: the `agent` and `task` filters and the confinement of agent keys ask this. */
export interface FrameSubject {
  readonly agentIds?: readonly number[];
  readonly agentNames?: readonly string[];
  readonly taskIds?: readonly number[];
}

/** What a fact becomes on the wire. `workspace_id` is added to every `data`. */
export interface FrameContent {
  readonly data: { readonly [key: string]: Json | undefined };
  readonly about: FrameSubject;
}

/** How one event type becomes one public frame. Pure and total over the current version of the event. */
export interface FrameMapping<E extends DomainEvent = DomainEvent> {
  readonly event: E['type'];
  /** The public name: lower-case words, dots between, e.g. `agent.created`. */
  readonly frame: string;
  map(data: E['data'], metadata: EventMetadata): FrameContent;
}

/** Gives the compiler the event's type while the mapping is written. */
export function frameMapping<E extends DomainEvent>(mapping: FrameMapping<E>): FrameMapping<E> {
  return mapping;
}
