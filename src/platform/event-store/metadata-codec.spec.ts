import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import type { EventMetadata } from './stored-event.js';
import { decodeMetadata, encodeMetadata } from './metadata-codec.js';

const full = sampleMetadata({
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  commandId: 'c-1',
  bodyDigest: 'd-1',
});

const encoded = (metadata: EventMetadata) => encodeMetadata(metadata, metadata.schemaVersion);

describe('the metadata codec', () => {
  it('writes every value as a string', () => {
    expect(Object.values(encoded(full)).every((value) => typeof value === 'string')).toBe(true);
  });

  it('reads back what it wrote, through JSON', () => {
    expect(decodeMetadata(JSON.parse(JSON.stringify(encoded(full))))).toEqual(full);
    expect(decodeMetadata(encoded(sampleMetadata()))).toEqual(sampleMetadata());
  });

  it('reads back any texts and numbers', () => {
    const metadata = fc
      .record({ text: fc.string({ unit: 'binary' }), number: fc.nat(Number.MAX_SAFE_INTEGER) })
      .map(({ text, number }) =>
        sampleMetadata({ correlationId: text, workspaceId: number, actor: { kind: 'agent', id: text, name: text } }),
      );
    fc.assert(
      fc.property(metadata, (original) => {
        expect(decodeMetadata(JSON.parse(JSON.stringify(encoded(original))))).toEqual(original);
      }),
    );
  });

  it('ignores keys that it does not know, and a broken traceparent', () => {
    const wire = { ...encoded(sampleMetadata()), later: 'x', traceparent: 'broken' };

    expect(decodeMetadata(wire)).toEqual(sampleMetadata());
  });

  it.each(Object.keys(encoded(sampleMetadata())))('says so when %s is missing or no string', (key) => {
    const wire = encoded(sampleMetadata());
    const without = Object.fromEntries(Object.entries(wire).filter(([each]) => each !== key));

    expect(decodeMetadata(without)).toContain(key);
    expect(decodeMetadata({ ...wire, [key]: 7 })).toContain(key);
  });

  it.each([
    ['bytes', new Uint8Array([1])],
    ['nothing', undefined],
    ['a text', 'text'],
    ['null', null],
    ['a number with a sign', { ...encoded(sampleMetadata()), workspaceId: '-1' }],
    ['a number with a fraction', { ...encoded(sampleMetadata()), schemaVersion: '1.5' }],
    ['an actor of no kind', { ...encoded(sampleMetadata()), actorKind: 'robot' }],
  ])('says so when the metadata is %s', (_, wire) => {
    expect(typeof decodeMetadata(wire)).toBe('string');
  });
});
