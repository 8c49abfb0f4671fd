import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SseParser, type SseEvent } from './sse-client.js';

function parsed(text: string, cuts: readonly number[]) {
  const events: SseEvent[] = [];
  const parser = new SseParser((event) => events.push(event));
  const bytes = Buffer.from(text);
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    parser.push(bytes.subarray(from, cut));
    from = Math.max(from, cut);
  }
  parser.push(bytes.subarray(from));
  return { events, parser };
}

const STREAM =
  '\uFEFFid: a\nretry: 2500\ndata: {"type":"connected"}\n\n: heartbeat\nid: b\n\nevent: x\r\nid: c\r\ndata: één\r\ndata\r\ndata: 😀\r\n\r\n' +
  'data: no id\r\rid: d\ndata: cut';

describe('the strict event stream parser', () => {
  it('reads the same however the bytes are split', () => {
    const length = Buffer.byteLength(STREAM);
    const whole = parsed(STREAM, []);
    expect(whole.events).toEqual([
      { type: 'message', data: '{"type":"connected"}', lastEventId: 'a' },
      { type: 'x', data: 'één\n\n😀', lastEventId: 'c' },
      { type: 'message', data: 'no id', lastEventId: 'c' },
    ]);
    for (let cut = 0; cut <= length; cut++) {
      const { events, parser } = parsed(STREAM, [cut]);
      expect(events).toEqual(whole.events);
      expect(parser.lastEventId).toBe('c');
      expect(parser.cursors).toEqual(['a', 'b', 'c']);
      expect(parser.blocks).toBe(whole.parser.blocks);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(length), { maxLength: 20 }), (cuts) => {
        expect(parsed(STREAM, cuts).events).toEqual(whole.events);
      }),
    );
  });

  it('leaves the cursor alone for a block that is cut, and moves it for an id without data', () => {
    const { events, parser } = parsed('id: 1\n\nid: 2\ndata: x\n', []);
    expect(events).toEqual([]);
    expect(parser.lastEventId).toBe('1');
  });

  it('counts what the standard does not know', () => {
    expect(parsed('idd: 1\n\n', []).parser.violations).toEqual(['idd: 1']);
  });
});
