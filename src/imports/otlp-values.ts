/** The values of OTLP in its JSON encoding: integers arrive as decimal texts, and are read exactly. */
export type Fields = Readonly<Record<string, unknown>>;

const INTEGER = /^-?\d{1,19}$/;
const NANOS_PER_MS = 1_000_000n;

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; what is no list has none. */
export function objectsIn(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The attributes of a resource, a scope, a record or a span, by key. */
export class Attributes {
  private readonly byKey: ReadonlyMap<string, unknown>;

  constructor(list: unknown) {
    this.byKey = new Map(
      objectsIn(list).flatMap(({ key, value }) => (typeof key === 'string' ? [[key, value] as const] : [])),
    );
  }

  has(...keys: readonly string[]): boolean {
    return keys.some((key) => this.byKey.has(key));
  }

  /** The first of these that is a text, trimmed and not blank. */
  text(...keys: readonly string[]): string | undefined {
    for (const key of keys) {
      const text = textOf(this.byKey.get(key))?.trim();
      if (text !== undefined && text !== '') return text;
    }
    return undefined;
  }

  /** The first of these that is there, as an exact integer. Undefined: none is; null: it is no integer. */
  integer(...keys: readonly string[]): bigint | null | undefined {
    const key = keys.find((name) => this.byKey.has(name));
    return key === undefined ? undefined : integerOf(this.byKey.get(key));
  }

  /** A number or a text, as it was written. */
  decimal(key: string): unknown {
    const value = this.byKey.get(key);
    if (!isObject(value)) return undefined;
    return value['doubleValue'] ?? value['stringValue'] ?? value['intValue'];
  }
}

/** The `stringValue` of a value. */
export function textOf(value: unknown): string | undefined {
  const text = isObject(value) ? value['stringValue'] : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** Some tools write counts as texts, some as doubles; what is no whole number, or was rounded on the way, is null. */
function integerOf(value: unknown): bigint | null {
  if (!isObject(value)) return null;
  const given = value['intValue'] ?? value['stringValue'] ?? value['doubleValue'];
  if (typeof given === 'string') return INTEGER.test(given) ? BigInt(given) : null;
  return Number.isSafeInteger(given) ? BigInt(given as number) : null;
}

/** Ms since 1970 of a count of nanoseconds; undefined for 0, which means unknown, and for anything else. */
export function instantOf(nanos: unknown): number | undefined {
  const value = integerOf({ intValue: nanos });
  return value === null || value <= 0n ? undefined : Number(value / NANOS_PER_MS);
}

/** Ms between two counts of nanoseconds. */
export function durationOf(start: unknown, end: unknown): number | undefined {
  const [from, until] = [integerOf({ intValue: start }), integerOf({ intValue: end })];
  return from === null || until === null || from <= 0n || until < from
    ? undefined
    : Number((until - from) / NANOS_PER_MS);
}
