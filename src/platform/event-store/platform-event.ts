import type { Clock } from '../clock/clock.js';
import type { Ids } from '../ids/ids.js';
import type { DomainEvent, ProposedEvent } from './stored-event.js';

/** The workspace of events that belong to the installation, not to anybody in it. No credential has it. */
export const NO_WORKSPACE = 0;

/** An event that the platform itself records, with the actor `system` and itself as its cause. */
export function platformEvent<E extends DomainEvent>(
  event: E,
  source: { readonly clock: Clock; readonly ids: Ids },
): ProposedEvent<E> {
  const id = source.ids.newId();
  const now = source.clock.now().toISOString();
  return {
    id,
    type: event.type,
    data: event.data,
    metadata: {
      workspaceId: NO_WORKSPACE,
      correlationId: id,
      causationId: id,
      actor: { kind: 'system', id: 'platform', name: 'Mission Control' },
      occurredAt: now,
      recordedAt: now,
    },
  };
}
