import { encodeMetadata, type WireMetadata } from '../../src/platform/event-store/metadata-codec.js';
import type { EventContract } from '../../src/platform/event-store/event-contract.js';

/** `test/golden/<Type>.v<N>.json`: events of one version as the log holds them, byte for byte for ever. */
export interface Fixture {
  readonly type: string;
  readonly version: number;
  readonly cases: readonly FixtureCase[];
}

export interface FixtureCase {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: WireMetadata;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

type Extreme = 'least' | 'most';

/** Characters that have broken parsers, terminals, databases and path handling before. */
const HOSTILE = 'Zoë \u0000\u2028\u202e"\\ \u{1f680} __proto__ :/%2F..$-\'; <b>';
const UUIDS = { least: '00000000-0000-0000-0000-000000000000', most: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
const PATTERNED = {
  least: [UUIDS.least, '0'.repeat(64), '0'.repeat(8), '0', '0000000000000000', '1970-01-01T00:00:00.000Z'],
  most: [
    UUIDS.most,
    'f'.repeat(64),
    'f'.repeat(8),
    '123456789012345678901234567890.000000001',
    'ffffffffffffffff',
    '999999.999999',
    '9999-12-31T23:59:59.999Z',
    '18446744073709551615',
  ],
};

/** A first fixture for the current version of a type: the least and the most that its schema allows, with hostile text. */
export function fixtureOf(contract: EventContract): Fixture {
  const schema = contract.schema as Schema;
  return {
    type: contract.type,
    version: contract.version,
    cases: [
      { name: 'least', data: record(schema, 'least'), metadata: metadata(contract.version, 'least') },
      { name: 'most', data: record(schema, 'most'), metadata: metadata(contract.version, 'most') },
    ],
  };
}

/** The text of a fixture file: ASCII only, so that no editor or tool can change a character unseen. */
export function fixtureText(fixture: Fixture): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(fixture, undefined, 2).replaceAll(/[^\n -~]/g, escaped)}\n`;
}

function metadata(schemaVersion: number, extreme: Extreme): WireMetadata {
  const text = extreme === 'least' ? '' : HOSTILE;
  const said = {
    workspaceId: extreme === 'least' ? 0 : Number.MAX_SAFE_INTEGER,
    correlationId: text,
    causationId: text,
    actor: { kind: extreme === 'least' ? ('system' as const) : ('key' as const), id: text, name: text },
    occurredAt: extreme === 'least' ? '1970-01-01T00:00:00.000Z' : '9999-12-31T23:59:59.999Z',
    recordedAt: extreme === 'least' ? '1970-01-01T00:00:00.000Z' : '9999-12-31T23:59:59.999Z',
    ...(extreme === 'most' && {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      commandId: text,
      bodyDigest: text,
    }),
  };
  return encodeMetadata(said, schemaVersion);
}

function valueOf(schema: Schema, extreme: Extreme): unknown {
  if (schema.enum !== undefined) return schema.enum.at(extreme === 'least' ? 0 : -1);
  switch (typeOf(schema, extreme)) {
    case 'null':
      return null;
    case 'boolean':
      return extreme === 'most';
    case 'integer':
    case 'number':
      return extreme === 'least'
        ? (schema.minimum ?? Number.MIN_SAFE_INTEGER)
        : (schema.maximum ?? Number.MAX_SAFE_INTEGER);
    case 'string':
      return textOf(schema, extreme);
    case 'array':
      return Array.from({ length: extreme === 'least' ? (schema.minItems ?? 0) : 1 }, () =>
        valueOf(schema.items ?? {}, extreme),
      );
    default:
      return record(schema, extreme);
  }
}

/** Of several types the least is null, the most is the other one. */
function typeOf({ type }: Schema, extreme: Extreme): string {
  if (type === undefined) return extreme === 'least' ? 'null' : 'object';
  if (typeof type === 'string') return type;
  const wanted = type.find((each) => (each === 'null') === (extreme === 'least'));
  return wanted ?? type[0] ?? 'null';
}

function record(schema: Schema, extreme: Extreme): Record<string, unknown> {
  if (schema.properties === undefined) return extreme === 'least' ? {} : freeMap();
  const wanted = extreme === 'least' ? (schema.required ?? []) : Object.keys(schema.properties);
  return Object.fromEntries(wanted.map((key) => [key, valueOf(schema.properties?.[key] ?? {}, extreme)]));
}

function freeMap(): Record<string, unknown> {
  const text = JSON.stringify(HOSTILE);
  return JSON.parse(`{"__proto__":{"polluted":true},"":[],${text}:${text},"nested":{"list":[1.5,-0.1,1e300,null]}}`);
}

function textOf(schema: Schema, extreme: Extreme): string {
  const { pattern, minLength = 0, maxLength = Infinity } = schema;
  if (pattern !== undefined) {
    const shape = new RegExp(pattern, 'u');
    const text = PATTERNED[extreme].find((candidate) => shape.test(candidate));
    if (text === undefined) throw new Error(`no example for the pattern ${pattern}: write the fixture by hand`);
    return text;
  }
  if (extreme === 'least') return 'x'.repeat(minLength);
  return Array.from(HOSTILE).slice(0, maxLength).join('').padEnd(minLength, 'x');
}
