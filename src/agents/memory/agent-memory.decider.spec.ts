import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deciderSpec } from '../../../test/support/decider-spec.js';
import { agentMemoryDecider, MAX_MEMORY_BYTES, type AgentMemoryCommand } from './agent-memory.decider.js';
import type { AgentMemoryEvent } from '../agent-memory.events.js';

const { given, fold } = deciderSpec(agentMemoryDecider);

const agent = { agentId: 7, agentName: 'build-bot' };
const write = (content: string): AgentMemoryCommand => ({ type: 'WriteMemory', agent, content });
const append = (text: string, appendId: string): AgentMemoryCommand => ({
  type: 'AppendMemory',
  agent,
  text,
  appendId,
});
const written = (content: string, appendId: string | null = null): AgentMemoryEvent => ({
  type: 'AgentMemoryWritten',
  data: { ...agent, content, bytes: Buffer.byteLength(content), appendId },
});
const appended = (text: string, bytes: number, appendId: string): AgentMemoryEvent => ({
  type: 'AgentMemoryAppended',
  data: { ...agent, text, bytes, appendId },
});
const cleared: AgentMemoryEvent = { type: 'AgentMemoryCleared', data: agent };

describe('the working memory of an agent', () => {
  it('is set as a whole, and the same again is nothing', () => {
    given().when(write('ä')).thenEvents(written('ä'));
    given(written('ä')).when(write('ä')).thenNothing();
    given(written('a')).when(write('b')).thenEvents(written('b'));
  });

  it('grows by additions, each once, with a blank line between', () => {
    given()
      .when(append('one', 'a1'))
      .thenEvents(appended('one', 3, 'a1'));
    given(written('one'))
      .when(append('two', 'a2'))
      .thenEvents(appended('\n\ntwo', 8, 'a2'));
    given(written('one'), appended('\n\ntwo', 8, 'a2'))
      .when(append('two', 'a2'))
      .thenNothing();
    given(written('one')).when(append('', 'a3')).thenNothing();
    expect(fold([written('one'), appended('\n\ntwo', 8, 'a2')]).content).toBe('one\n\ntwo');
  });

  it('is written as a whole after many additions', () => {
    const many = Array.from({ length: 50 }, (_, index) => appended('x', index + 1, `a${index}`));
    given(...many)
      .when(append('y', 'last'))
      .thenEvents(written(`${'x'.repeat(50)}\n\ny`, 'last'));
    given(...many, written('all', 'last'))
      .when(append('y', 'last'))
      .thenNothing();
  });

  it('is emptied once, also by writing nothing', () => {
    given(written('a')).when({ type: 'ClearMemory', agent }).thenEvents(cleared);
    given(written('a')).when(write('')).thenEvents(cleared);
    given(written('a'), cleared).when({ type: 'ClearMemory', agent }).thenNothing();
  });

  it('holds 512 KiB and no byte more', () => {
    const full = 'x'.repeat(MAX_MEMORY_BYTES);
    given().when(write(full)).thenEvents(written(full));
    given()
      .when(write(`${full}x`))
      .thenRefused('TooLarge');
    given()
      .when(write('ä'.repeat(MAX_MEMORY_BYTES / 2 + 1)))
      .thenRefused('TooLarge');
    given(written(full)).when(append('x', 'a1')).thenRefused('TooLarge');
  });

  it('holds nothing that would not fit into one event', () => {
    given()
      .when(write('\u0001'.repeat(MAX_MEMORY_BYTES)))
      .thenRefused('TooLarge');
  });

  it('is decided the same way twice, never throwing, whatever comes', () => {
    const text = fc.string({ maxLength: 5 });
    const commands = fc.oneof(
      text.map(write),
      fc.tuple(text, fc.uuid()).map(([added, id]) => append(added, id)),
      fc.constant<AgentMemoryCommand>({ type: 'ClearMemory', agent }),
    );
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 80 }), (sequence) => {
        let state = fold([]);
        for (const command of sequence) {
          const decision = agentMemoryDecider.decide(command, state);
          if (decision.kind === 'refused') continue;
          state = decision.events.reduce(agentMemoryDecider.evolve, state);
          expect(agentMemoryDecider.decide(command, state)).toEqual({ kind: 'accepted', events: [] });
        }
      }),
    );
  });

  it('ignores events that it does not know', () => {
    const unknown = { type: 'FromTheFuture', data: {} } as unknown as AgentMemoryEvent;
    const state = fold([written('a')]);
    expect(agentMemoryDecider.evolve(state, unknown)).toEqual(state);
  });
});
