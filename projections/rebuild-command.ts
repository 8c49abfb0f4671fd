import { Registry } from 'prom-client';
import type { EventStore } from '../src/platform/event-store/event-store.js';
import { type Connect, withClient } from './engine/database.js';
import { quietLogger } from './engine/logger.js';
import type { Projection } from './engine/projection.js';
import { type ProjectionVersion, rebuild, RebuildFailed, type RebuildProgress } from './engine/rebuild.js';
import { switchTo } from './engine/switch.js';
import { readVersions } from './engine/versions.js';

export interface RebuildCommand {
  readonly store: EventStore;
  readonly connect: Connect;
  readonly projections: readonly Projection[];
  /** Of a single projection; else the one that was begun, or the next. */
  readonly version: number | undefined;
  readonly batchSize: number | undefined;
  readonly isSwitching: boolean;
  readonly say: (line: string) => void;
}

/** The log grows while a rebuild runs: it goes on until the switch finds it level with the active version. */
const SWITCH_ROUNDS = 20;

/**
 * Rebuilds and switches to what was built, saying what happens. Gives the exit code back. Throws {@link RebuildFailed}
 * when one cannot go on; what was done stays.
 */
export async function runRebuild({
  store,
  connect,
  projections,
  version,
  batchSize,
  isSwitching,
  say,
}: RebuildCommand): Promise<number> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  let versions = await versionsToBuild(connect, projections, version);
  say(`rebuilding ${versions.map(nameOf).join(', ')}`);
  for (let round = 0; round < SWITCH_ROUNDS; round++) {
    const isDone = await rebuild({
      store,
      connect,
      versions,
      logger: quietLogger,
      registry: new Registry(),
      onProgress: (progress) => say(progressLine(progress)),
      signal: stop.signal,
      ...(batchSize === undefined ? {} : { batchSize }),
    });
    if (!isDone) {
      say('stopped; the same command goes on from here');
      return 130;
    }
    if (!isSwitching) {
      for (const built of versions) {
        say(`${nameOf(built)} is built; "switch ${built.projection.name} --version ${built.version}" makes it active`);
      }
      return 0;
    }
    const behind: ProjectionVersion[] = [];
    for (const built of versions) {
      if (!(await switchTo(connect, built.projection, built.version))) behind.push(built);
      else say(`${nameOf(built)} is active; the old tables stay until they are dropped`);
    }
    if (behind.length === 0) return 0;
    versions = behind;
  }
  throw new RebuildFailed(
    `the live versions stay ahead of ${versions.map(nameOf).join(', ')}; try "switch" in a quieter moment`,
  );
}

/** Of each the version that a rebuild has begun, or the next number. */
async function versionsToBuild(
  connect: Connect,
  projections: readonly Projection[],
  version: number | undefined,
): Promise<readonly ProjectionVersion[]> {
  const known = await withClient(connect, readVersions);
  return projections.map((projection) => {
    const own = known.filter((row) => row.projection === projection.name);
    const begun = own.filter(({ state }) => state === 'building').map((row) => row.version);
    const next = Math.max(0, ...own.map((row) => row.version)) + 1;
    return { projection, version: version ?? (begun.length > 0 ? Math.max(...begun) : next) };
  });
}

function nameOf({ projection, version }: ProjectionVersion): string {
  return `${projection.name} v${version}`;
}

function progressLine({ events, remaining, eventsPerSecond }: RebuildProgress): string {
  return `${events} events, ${remaining} to go, ${eventsPerSecond} a second`;
}
