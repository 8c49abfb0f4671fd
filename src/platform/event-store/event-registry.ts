import { Ajv, type ValidateFunction } from 'ajv';
import type { EventContract, Upcaster } from './event-contract.js';
import { decodeMetadata } from './metadata-codec.js';
import type { DomainEvent, EventMetadata, ProposedEvent } from './stored-event.js';
import type { UnreadableEvent } from './event-store.js';
import { weakened } from './weak-schema.js';

/** What a stored event's data and metadata turned out to be. */
export type ReadEvent =
  { readonly data: object; readonly metadata: EventMetadata } | Pick<UnreadableEvent, 'unreadable' | 'reason'>;

interface Entry {
  readonly version: number;
  /** The released schema, strict: unknown fields are refused. */
  readonly accepts: ValidateFunction;
  /** The same shape without limits of length and range: unknown fields pass. */
  readonly recognises: ValidateFunction;
  readonly upcasters: Readonly<Record<number, Upcaster>>;
}

/**
 * Every event type that the log may hold, with its schema and its history. Writing is strict, reading is weak: what is
 * proposed must match the released schema to the letter; what is stored is lifted to the current version and then only
 * checked for its shape.
 *
 * Throws at construction when a type stands in the list twice, a schema does not compile or an upcaster is missing.
 */
export class EventRegistry {
  readonly #entries = new Map<string, Entry>();

  constructor(contracts: readonly EventContract[]) {
    const ajv = new Ajv({ allowUnionTypes: true });
    for (const contract of contracts) {
      if (this.#entries.has(contract.type)) throw new Error(`event type ${contract.type} is declared twice`);
      for (let version = 1; version < contract.version; version++) {
        if (contract.upcasters[version] === undefined) {
          throw new Error(`event type ${contract.type} has no upcaster from version ${String(version)}`);
        }
      }
      this.#entries.set(contract.type, {
        version: contract.version,
        accepts: ajv.compile(contract.schema),
        recognises: ajv.compile(weakened(contract.schema)),
        upcasters: contract.upcasters,
      });
    }
  }

  /** Why this event may not be written; undefined when it may. */
  refusalOf(event: ProposedEvent): string | undefined {
    const entry = this.#entries.get(event.type);
    if (entry === undefined) return `unknown event type ${event.type}`;
    if (entry.accepts(event.data)) return undefined;
    return `${event.type}: ${reasonOf(entry.accepts)}`;
  }

  /** Decodes stored data and metadata and lifts them to the current version. Never throws. */
  read(type: string, data: unknown, wireMetadata: unknown): ReadEvent {
    const entry = this.#entries.get(type);
    if (entry === undefined) return { unreadable: 'unknown-type', reason: `unknown event type ${type}` };
    const metadata = decodeMetadata(wireMetadata);
    if (typeof metadata === 'string') return malformed(metadata);
    if (!isJsonObject(data)) return malformed('data is not a JSON object');
    if (metadata.schemaVersion === entry.version) {
      return entry.recognises(data) ? { data, metadata } : malformed(reasonOf(entry.recognises));
    }
    return this.#upcast(type, entry, data, metadata);
  }

  /** The current version of a type. Throws for a type that is not registered. */
  versionOf(type: DomainEvent['type']): number {
    const entry = this.#entries.get(type);
    if (entry === undefined) throw new Error(`unknown event type ${type}`);
    return entry.version;
  }

  #upcast(type: string, entry: Entry, stored: Record<string, unknown>, metadata: EventMetadata): ReadEvent {
    const { schemaVersion } = metadata;
    if (schemaVersion < 1 || schemaVersion > entry.version) {
      return { unreadable: 'unknown-type', reason: `${type} version ${String(schemaVersion)} is not known here` };
    }
    let data = stored;
    for (let version = schemaVersion; version < entry.version; version++) {
      const upcaster = entry.upcasters[version];
      if (upcaster === undefined) return malformed(`no upcaster from version ${String(version)}`);
      try {
        data = upcaster(data);
      } catch (error) {
        return malformed(`upcaster from version ${String(version)} failed: ${String(error)}`);
      }
    }
    if (!entry.recognises(data)) return malformed(reasonOf(entry.recognises));
    return { data, metadata: { ...metadata, schemaVersion: entry.version } };
  }
}

function malformed(reason: string): Pick<UnreadableEvent, 'unreadable' | 'reason'> {
  return { unreadable: 'malformed', reason };
}

function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function reasonOf(validate: ValidateFunction): string {
  const error = validate.errors?.[0];
  if (error === undefined) return 'does not match the schema';
  return `data${error.instancePath} ${error.message ?? 'is wrong'}`;
}
