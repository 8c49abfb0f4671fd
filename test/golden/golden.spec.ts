import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { catalogueOf } from '../../scripts/events/catalogue.js';
import type { Fixture } from '../../scripts/events/fixture.js';
import { goldenViolations, writeMissingGolden } from '../../scripts/events/golden.js';
import { allEventContracts } from '../../src/all.events.js';
import { eventContract, type EventContract } from '../../src/platform/event-store/event-contract.js';
import { EventRegistry } from '../../src/platform/event-store/event-registry.js';
import { decodeMetadata } from '../../src/platform/event-store/metadata-codec.js';

const GOLDEN = 'test/golden';

describe('the golden events of the application', () => {
  it('are complete, unchanged, and still read', () => {
    expect(goldenViolations(allEventContracts, GOLDEN)).toEqual([]);
  });

  it('are described in a catalogue that is current (npm run generate:events)', () => {
    expect(readFileSync('docs/events.md', 'utf8')).toBe(catalogueOf(allEventContracts, GOLDEN));
  });

  it('of the current version are what may be written, and no golden file belongs to nothing', () => {
    const registry = new EventRegistry(allEventContracts);
    const versions = new Map<string, number>(allEventContracts.map(({ type, version }) => [type, version]));
    for (const name of readdirSync(GOLDEN).filter((each) => /\.v\d+\.json$/.test(each))) {
      const { type, version, cases } = JSON.parse(readFileSync(join(GOLDEN, name), 'utf8')) as Fixture;
      expect([...versions.keys()]).toContain(type);
      if (version !== versions.get(type)) continue;
      for (const { data, metadata: wire } of cases) {
        const metadata = decodeMetadata(wire);
        if (typeof metadata === 'string') throw new Error(`${name}: ${metadata}`);
        expect(registry.refusalOf({ id: 'x', type, data, metadata })).toBeUndefined();
      }
    }
  });
});

describe('the rules of released events', () => {
  const first: EventContract = eventContract({
    type: 'Measured',
    stream: 'ruler-{id}',
    description: 'A length was measured.',
    producer: 'test',
    schema: object({ metres: { type: 'integer' } }),
  });
  const second: EventContract = {
    ...first,
    version: 2,
    schema: object({ metres: { type: 'integer' }, unit: { enum: ['m'] } }),
    upcasters: { 1: (data) => ({ ...data, unit: 'm' }) },
  };
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mc-golden-'));
    writeMissingGolden([first], dir);
  });

  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  function object(properties: Record<string, object>) {
    return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
  }

  function alter(name: string, change: (text: string) => string) {
    const path = join(dir, name);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  }

  it('are kept by what was just released, and by a next version with its upcaster', () => {
    expect(goldenViolations([first], dir)).toEqual([]);
    writeMissingGolden([second], dir);
    expect(goldenViolations([second], dir)).toEqual([]);
  });

  it('are broken by a schema that changed without a new version', () => {
    const changed = { ...first, schema: object({ metres: { type: 'number' } }) };

    expect(goldenViolations([changed], dir)).toEqual([expect.stringContaining('the schema of Measured@1 was changed')]);
  });

  it('are broken by a fixture that changed', () => {
    alter('Measured.v1.json', (text) => text.replace('"least"', '"little"'));

    expect(goldenViolations([first], dir)).toEqual([expect.stringContaining('the fixture of Measured@1 was changed')]);
  });

  it('are broken by a type or a version without a fixture', () => {
    const other = { ...first, type: 'Weighed' };

    expect(goldenViolations([first, other], dir)).toEqual([
      expect.stringContaining('Weighed@1 is not in released.json'),
    ]);
    expect(goldenViolations([second], dir)).toContainEqual(
      expect.stringContaining('Measured@2 is not in released.json'),
    );
    rmSync(join(dir, 'Measured.v1.json'));
    expect(goldenViolations([first], dir)).toEqual(['Measured@1 has no fixture']);
  });

  it('are broken by a type that vanished', () => {
    expect(goldenViolations([], dir)).toEqual([expect.stringContaining('Measured@1 is no event type any more')]);
  });

  it('are broken by an old fixture that no longer upcasts', () => {
    writeMissingGolden([second], dir);
    const wrong = { ...second, upcasters: { 1: () => ({}) } };

    expect(goldenViolations([wrong], dir)).toContainEqual(expect.stringContaining('cannot be read'));
  });

  it('are broken by an upcast that drifts from its snapshot', () => {
    writeMissingGolden([second], dir);
    const drifting = { ...second, upcasters: { 1: (data: object) => ({ ...data, unit: 'm', metres: 0 }) } };

    expect(goldenViolations([drifting], dir)).toEqual([expect.stringContaining('the upcast of Measured@1 drifts')]);
  });

  it('are not broken by writing the same schema down in another order', () => {
    const reordered = Object.fromEntries(Object.entries(first.schema).toReversed());

    expect(goldenViolations([{ ...first, schema: reordered }], dir)).toEqual([]);
  });
});
