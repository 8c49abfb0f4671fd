import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EventContract } from '../../src/platform/event-store/event-contract.js';
import { EventRegistry } from '../../src/platform/event-store/event-registry.js';
import { fixtureOf, fixtureText, type Fixture } from './fixture.js';

/** `released.json`: what is frozen, by `Type@version`. SHA-256, hex. */
export type Released = Readonly<Record<string, { readonly schema: string; readonly fixture: string }>>;

const FROZEN =
  'a released version is frozen: make a new version with an upcaster (was it never merged? then remove its line from ' +
  'released.json and its fixture, and generate them again)';

/**
 * Everything that is wrong with the golden files of these contracts, as sentences; empty when all is well. What it
 * guards: released schemas and fixtures never change or vanish, every version has a fixture, every fixture is still
 * read, and is read as on the day its upcast was committed.
 */
export function goldenViolations(contracts: readonly EventContract[], dir: string): string[] {
  const released = readReleased(dir);
  const registry = new EventRegistry(contracts);
  const current = new Map(contracts.map((contract) => [contract.type, contract]));
  return [
    ...contracts.flatMap((contract) => missing(contract, released)),
    ...Object.entries(released).flatMap(([key, frozen]) => {
      const [type = '', version = ''] = key.split('@');
      const contract = current.get(type);
      if (contract === undefined) return [`${key} is no event type any more: events of it are in logs`];
      const text = readText(fixturePath(dir, type, Number(version)));
      if (text === undefined) return [`${key} has no fixture`];
      return [
        ...(digest(text) === frozen.fixture ? [] : [`the fixture of ${key} was changed: ${FROZEN}`]),
        ...(contract.version !== Number(version) || schemaDigest(contract) === frozen.schema
          ? []
          : [`the schema of ${key} was changed: ${FROZEN}`]),
        ...fixtureViolations(key, JSON.parse(text) as Fixture, contract, registry, dir),
      ];
    }),
  ];
}

/** Writes what does not exist yet: fixtures, upcast snapshots, lines of released.json. Changes nothing that does. */
export function writeMissingGolden(contracts: readonly EventContract[], dir: string): void {
  const released: Record<string, { schema: string; fixture: string }> = { ...readReleased(dir) };
  const registry = new EventRegistry(contracts);
  mkdirSync(dir, { recursive: true });
  for (const contract of contracts) {
    const key = `${contract.type}@${String(contract.version)}`;
    const path = fixturePath(dir, contract.type, contract.version);
    const existing = readText(path);
    const text = existing ?? fixtureText(fixtureOf(contract));
    if (existing === undefined) write(path, text);
    released[key] ??= { schema: schemaDigest(contract), fixture: digest(text) };
    for (let version = 1; version < contract.version; version++) writeSnapshot(contract, version, registry, dir);
  }
  const sorted = Object.fromEntries(Object.entries(released).sort(([a], [b]) => (a < b ? -1 : 1)));
  write(join(dir, 'released.json'), `${JSON.stringify(sorted, undefined, 2)}\n`);
}

/** The fixture of the current version of a type. Throws when there is none. */
export function currentFixture(contract: EventContract, dir: string): Fixture {
  return JSON.parse(readFileSync(fixturePath(dir, contract.type, contract.version), 'utf8')) as Fixture;
}

function missing(contract: EventContract, released: Released): string[] {
  const versions = Array.from({ length: contract.version }, (_, index) => index + 1);
  return versions
    .map((version) => `${contract.type}@${String(version)}`)
    .filter((key) => released[key] === undefined)
    .map((key) => `${key} is not in released.json: run npm run generate:events`);
}

function fixtureViolations(
  key: string,
  fixture: Fixture,
  contract: EventContract,
  registry: EventRegistry,
  dir: string,
): string[] {
  const read = fixture.cases.map((each) => registry.read(fixture.type, each.data, each.metadata));
  const unreadable = read.flatMap((each, index) =>
    'unreadable' in each ? [`${key}, case ${fixture.cases[index]?.name ?? ''}, cannot be read: ${each.reason}`] : [],
  );
  if (unreadable.length > 0) return unreadable;
  const lifted = read.map((each) => ('data' in each ? each.data : undefined));
  if (fixture.version === contract.version) {
    return same(
      lifted,
      fixture.cases.map(({ data }) => data),
    )
      ? []
      : [`${key} is not read as it was written`];
  }
  const snapshot = readText(snapshotPath(dir, fixture.type, fixture.version));
  if (snapshot === undefined) return [`${key} has no upcast snapshot: run npm run generate:events`];
  return same(lifted, JSON.parse(snapshot)) ? [] : [`the upcast of ${key} drifts from its snapshot`];
}

function writeSnapshot(contract: EventContract, version: number, registry: EventRegistry, dir: string): void {
  const path = snapshotPath(dir, contract.type, version);
  const text = readText(fixturePath(dir, contract.type, version));
  if (text === undefined || readText(path) !== undefined) return;
  const { cases } = JSON.parse(text) as Fixture;
  const read = cases.map((each) => registry.read(contract.type, each.data, each.metadata));
  write(
    path,
    `${JSON.stringify(
      read.map((each) => ('data' in each ? each.data : each)),
      undefined,
      2,
    )}\n`,
  );
}

function readReleased(dir: string): Released {
  return JSON.parse(readText(join(dir, 'released.json')) ?? '{}') as Released;
}

function fixturePath(dir: string, type: string, version: number): string {
  return join(dir, `${type}.v${String(version)}.json`);
}

function snapshotPath(dir: string, type: string, version: number): string {
  return join(dir, 'upcast', `${type}.v${String(version)}.json`);
}

function schemaDigest(contract: EventContract): string {
  return digest(canonical(contract.schema));
}

function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** JSON with sorted keys: equal for equal values, whatever the order in which they were written down. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonical(child)}`).join(',')}}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
