import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../test/support/decider-spec.js';
import { projectHandleDecider, type ProjectHandleCommand, type ProjectHandleState } from './project-handle.decider.js';
import type { ProjectHandleEvent } from './projects.events.js';

const { given, fold } = deciderSpec(projectHandleDecider);

const handle = { kind: 'prefix', handle: 'BUILD' } as const;
const reserved = (projectId: number): ProjectHandleEvent => ({
  type: 'ProjectHandleReserved',
  data: { projectId, ...handle },
});
const released = (projectId: number): ProjectHandleEvent => ({
  type: 'ProjectHandleReleased',
  data: { projectId, ...handle },
});

describe('a slug or a ticket prefix', () => {
  it('belongs to whom reserved it first', () => {
    given().when({ type: 'ReserveHandle', projectId: 1, handle }).thenEvents(reserved(1));
    given(reserved(1)).when({ type: 'ReserveHandle', projectId: 1, handle }).thenNothing();
    given(reserved(1)).when({ type: 'ReserveHandle', projectId: 2, handle }).thenRefused('HandleTaken');
  });

  it('can be taken anew by its owner, and by anybody once it is released', () => {
    given(reserved(1)).when({ type: 'ReserveHandle', projectId: 1, handle, anew: true }).thenEvents(reserved(1));
    given(reserved(1), released(1)).when({ type: 'ReserveHandle', projectId: 2, handle }).thenEvents(reserved(2));
  });

  it('is released by its owner only, and once', () => {
    given(reserved(1)).when({ type: 'ReleaseHandle', projectId: 1, handle }).thenEvents(released(1));
    given(reserved(1)).when({ type: 'ReleaseHandle', projectId: 2, handle }).thenNothing();
    given().when({ type: 'ReleaseHandle', projectId: 1, handle }).thenNothing();
  });

  it('is decided the same way twice, never throwing, whatever comes', () => {
    const commands: fc.Arbitrary<ProjectHandleCommand> = fc
      .tuple(fc.constantFrom('ReserveHandle' as const, 'ReleaseHandle' as const), fc.integer({ min: 1, max: 3 }))
      .map(([type, projectId]) => ({ type, projectId, handle }));
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 20 }), (sequence) => {
        let state: ProjectHandleState = fold([]);
        for (const command of sequence) {
          const decision = projectHandleDecider.decide(command, state);
          if (decision.kind === 'refused') continue;
          state = decision.events.reduce(projectHandleDecider.evolve, state);
          expect(projectHandleDecider.decide(command, state)).toEqual({ kind: 'accepted', events: [] });
        }
      }),
    );
  });

  it('ignores events that it does not know', () => {
    const unknown = { type: 'FromTheFuture', data: {} } as unknown as ProjectHandleEvent;
    expect(projectHandleDecider.evolve({ owner: 3 }, unknown)).toEqual({ owner: 3 });
  });
});
