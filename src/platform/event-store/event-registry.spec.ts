import { describe, expect, it } from '@jest/globals';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import { allEventContracts } from '../../all.events.js';
import { eventContract } from './event-contract.js';
import { EventRegistry } from './event-registry.js';
import { encodeMetadata } from './metadata-codec.js';

interface Measured {
  readonly type: 'Measured';
  readonly data: { readonly metres: number; readonly unit: 'm'; readonly note: string };
}

const measured = eventContract<Measured>({
  type: 'Measured',
  version: 3,
  stream: 'ruler-{id}',
  description: 'A length was measured.',
  producer: 'test',
  schema: {
    type: 'object',
    properties: {
      metres: { type: 'number', minimum: 0 },
      unit: { enum: ['m'] },
      note: { type: 'string', maxLength: 5 },
    },
    required: ['metres', 'unit', 'note'],
    additionalProperties: false,
  },
  upcasters: {
    1: (data) => ({ ...data, unit: 'm' }),
    2: (data) => ({ ...data, note: typeof data['note'] === 'string' ? data['note'] : '' }),
  },
});

const registry = new EventRegistry([measured]);
const wire = (schemaVersion: number) => encodeMetadata(sampleMetadata(), schemaVersion);
const propose = (data: object) => registry.refusalOf({ id: 'x', type: 'Measured', data, metadata: sampleMetadata() });

describe('the event registry', () => {
  it('takes all contracts of the application', () => {
    expect(() => new EventRegistry(allEventContracts)).not.toThrow();
  });

  it('refuses a type that is declared twice, and one with a hole in its upcasters', () => {
    expect(() => new EventRegistry([measured, measured])).toThrow('twice');
    expect(() => new EventRegistry([{ ...measured, upcasters: { 1: (data) => data } }])).toThrow('version 2');
  });

  describe('on write', () => {
    it('accepts what the schema says', () => {
      expect(propose({ metres: 1.5, unit: 'm', note: 'short' })).toBeUndefined();
    });

    it.each([
      ['an unknown field', { metres: 1, unit: 'm', note: '', extra: 1 }, 'additional'],
      ['a missing field', { metres: 1, unit: 'm' }, 'note'],
      ['a field beyond its limits', { metres: -1, unit: 'm', note: '' }, 'metres'],
      ['a text beyond its length', { metres: 1, unit: 'm', note: 'too long' }, 'note'],
    ])('refuses %s', (_, data, reason) => {
      expect(propose(data)).toContain(reason);
    });

    it('refuses a type that it does not know', () => {
      expect(registry.refusalOf({ id: 'x', type: 'Unheard', data: {}, metadata: sampleMetadata() })).toContain(
        'Unheard',
      );
    });
  });

  describe('on read', () => {
    it.each([1, 2, 3])('lifts version %d to the current one', (version) => {
      const stored = { metres: 2, unit: 'm', note: '' };

      const read = registry.read('Measured', version === 1 ? { metres: 2 } : stored, wire(version));

      expect(read).toEqual({ data: stored, metadata: sampleMetadata({ schemaVersion: 3 }) });
    });

    it('ignores unknown fields and limits, which belong to writing', () => {
      const data = { metres: -2, unit: 'm', note: 'longer than five', later: true };

      expect(registry.read('Measured', data, wire(3))).toMatchObject({ data });
    });

    it('calls a type or a version that it does not know unknown', () => {
      expect(registry.read('Unheard', {}, wire(1))).toMatchObject({ unreadable: 'unknown-type' });
      expect(registry.read('Measured', {}, wire(4))).toMatchObject({ unreadable: 'unknown-type' });
      expect(registry.read('Measured', {}, wire(0))).toMatchObject({ unreadable: 'unknown-type' });
    });

    it.each([
      ['JSON that did not parse, which arrives as a text', '{"metres":'],
      ['bytes', new Uint8Array([1, 2])],
      ['a list', []],
      ['null', null],
      ['data of another shape', { metres: 'two', unit: 'm', note: '' }],
      ['data without a required field', { metres: 2, unit: 'm' }],
      ['a value outside of its enumeration', { metres: 2, unit: 'ft', note: '' }],
    ])('calls %s malformed', (_, data) => {
      expect(registry.read('Measured', data, wire(3))).toMatchObject({ unreadable: 'malformed' });
    });

    it('calls an event malformed whose metadata is not ours', () => {
      expect(registry.read('Measured', {}, new Uint8Array())).toMatchObject({ unreadable: 'malformed' });
    });

    it('calls an event malformed that its upcaster cannot take', () => {
      const fragile = new EventRegistry([
        {
          ...measured,
          upcasters: {
            ...measured.upcasters,
            1: () => {
              throw new Error('broken');
            },
          },
        },
      ]);

      expect(fragile.read('Measured', {}, wire(1))).toMatchObject({ unreadable: 'malformed' });
    });
  });
});
