import type { DomainEvent } from './stored-event.js';

/** Lifts version N of the data to N+1. Pure and total. */
export type Upcaster = (data: Record<string, unknown>) => Record<string, unknown>;

/** What is fixed about one event type; the generated catalogue docs/events.md is written from it. */
export interface EventContract<E extends DomainEvent = DomainEvent> {
  readonly type: E['type'];
  /** The current version, from 1. */
  readonly version: number;
  /** The stream that holds it, as a pattern, e.g. `agent-{id}`. */
  readonly stream: string;
  readonly description: string;
  readonly producer: string;
  /** The public frame that it becomes, if any. */
  readonly frame?: string;
  /** Names of data fields that may hold personal data. */
  readonly personal: readonly string[];
  readonly retention: 'permanent' | 'maxAge';
  /** JSON schema of the current version's data; unknown fields are tolerated on read, refused on write. */
  readonly schema: object;
  /** Key N lifts version N to N+1. */
  readonly upcasters: Readonly<Record<number, Upcaster>>;
}

/** Shorthand that keeps type and schema beside each other. */
export function eventContract<E extends DomainEvent>(
  contract: Omit<EventContract<E>, 'upcasters' | 'personal' | 'retention' | 'version'> &
    Partial<Pick<EventContract<E>, 'upcasters' | 'personal' | 'retention' | 'version'>>,
): EventContract<E> {
  return { version: 1, personal: [], retention: 'permanent', upcasters: {}, ...contract };
}
