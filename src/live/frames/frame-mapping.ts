import type { DomainEvent, EventMetadata, Json, StoredEvent } from '../../platform/event-store/stored-event.js';

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
  /** Set when this very fact has another public name than its type usually has. */
  readonly frame?: string;
  /** `admin`: nobody else is told. */
  readonly audience?: 'admin';
}

/** Where the fact stands in its stream and in the log. */
export type FramePlace = Pick<StoredEvent, 'position' | 'revision'>;

/** How one event type becomes one public frame. Pure and total over the current version of the event. */
export interface FrameMapping<E extends DomainEvent = DomainEvent> {
  readonly event: E['type'];
  /** The public name: lower-case words, dots between, e.g. `agent.created`. */
  readonly frame: string;
  map(data: E['data'], metadata: EventMetadata, place: FramePlace): FrameContent;
}

/** Gives the compiler the event's type while the mapping is written. */
export function frameMapping<E extends DomainEvent>(mapping: FrameMapping<E>): FrameMapping<E> {
  return mapping;
}
