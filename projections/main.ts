import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { allEventContracts } from '../src/all.events.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../src/platform/event-store/event-store.js';
import { laterOf } from '../src/platform/event-store/position.js';
import { allMigrations } from './all.migrations.js';
import { projectionsFor } from './all.projections.js';
import { type Connect, connector, withClient } from './engine/database.js';
import { discardDeadLetter, type DeadLetterOutcome, replayDeadLetter } from './engine/dead-letter-commands.js';
import { listDeadLetters } from './engine/dead-letters.js';
import { quietLogger } from './engine/logger.js';
import { migrate } from './engine/migrations.js';
import type { Projection } from './engine/projection.js';
import { dropVersion, rebuild, RebuildFailed, type RebuildProgress, switchTo } from './engine/rebuild.js';
import { storedStatus } from './engine/status.js';

const HELP = `Usage: node dist/projections/main.js <command> [options]

  status                                where every projection stands
  rebuild <name> --version <n>          fold the whole log into new tables beside the live ones, then switch to them;
                                        stop it with Ctrl-C and start it again to go on
          [--no-switch]                 leave the switch to a later "switch"
          [--batch-size <n>]            events in a transaction, instead of what suits the machine
  switch <name> --version <n>           make a built version the one that queries see; also the way back
  drop <name> --version <n>             drop the tables of a version that is not active
  dead-letters list [<name>]            events that could not be projected
  dead-letters replay <id>              apply it, with what is parked behind it
  dead-letters discard <id>             give it up

Options:
  --event-store <url>   default: EVENTSTORE_URL
  --database <url>      default: DATABASE_URL
  --help

Exit code: 0 done, 1 failed, 2 not understood, 130 stopped before it was done.
`;

/** As the projector has them, so that a rebuild makes what the projector goes on with. */
const allProjections = projectionsFor({
  reportingZones: (process.env['MC_REPORTING_ZONES'] ?? '').split(',').flatMap((zone) => zone.trim() || []),
});

/** Asked for something that the command line does not know. */
class Misunderstood extends Error {}

interface Parts {
  readonly connect: Connect;
  readonly store: EventStore;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      version: { type: 'string' },
      'batch-size': { type: 'string' },
      'no-switch': { type: 'boolean', default: false },
      'event-store': { type: 'string', default: process.env['EVENTSTORE_URL'] ?? '' },
      database: { type: 'string', default: process.env['DATABASE_URL'] ?? '' },
    },
  });
  const [command, first, second] = positionals;
  if (values.help || command === undefined) {
    say(HELP);
    return values.help ? 0 : 2;
  }
  if (values.database === '') throw new Misunderstood('say which database: --database <url> or DATABASE_URL');
  if (values['event-store'] === '') throw new Misunderstood('say which log: --event-store <url> or EVENTSTORE_URL');
  const work = workOf(command, first, second, values);
  const store = new EventStoreGateway({
    url: values['event-store'],
    registry: new EventRegistry(allEventContracts),
  });
  const parts: Parts = { connect: connector(values.database, 'command line'), store };
  try {
    await withClient(parts.connect, (client) => migrate(client, allMigrations));
    return await work(parts);
  } finally {
    await store.close();
  }
}

interface Options {
  readonly version?: string | undefined;
  readonly 'batch-size'?: string | undefined;
  readonly 'no-switch': boolean;
}

/** Understands the whole command before anything is touched. */
function workOf(
  command: string,
  first: string | undefined,
  second: string | undefined,
  options: Options,
): (parts: Parts) => Promise<number> {
  switch (command) {
    case 'status':
      return status;
    case 'rebuild': {
      const projection = projectionOf(first);
      const version = wholeNumber('--version', options.version);
      const size = options['batch-size'];
      const batchSize = size === undefined ? undefined : wholeNumber('--batch-size', size);
      return (parts) => runRebuild(parts, projection, version, { batchSize, isSwitching: !options['no-switch'] });
    }
    case 'switch': {
      const projection = projectionOf(first);
      const version = wholeNumber('--version', options.version);
      return (parts) => runSwitch(parts, projection, version);
    }
    case 'drop': {
      const projection = projectionOf(first);
      const version = wholeNumber('--version', options.version);
      return (parts) => runDrop(parts, projection, version);
    }
    case 'dead-letters':
      return deadLettersOf(first, second);
    default:
      throw new Misunderstood(`there is no command "${command}"`);
  }
}

async function runDrop({ connect }: Parts, projection: Projection, version: number): Promise<number> {
  await dropVersion(connect, projection, version);
  say('dropped');
  return 0;
}

function projectionOf(name: string | undefined): Projection {
  const projection = allProjections.find((one) => one.name === name);
  if (projection !== undefined) return projection;
  throw new Misunderstood(`name a projection: ${allProjections.map((one) => one.name).join(', ')}`);
}

function wholeNumber(what: string, text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw new Misunderstood(`${what} must be a whole number from 1 to 1000000`);
  }
  return value;
}

async function status({ connect, store }: Parts): Promise<number> {
  const recent = await store.recentPositions({ max: 32 });
  const rows = await withClient(connect, (client) =>
    storedStatus(
      { query: async (text, values = []) => (await client.query(text, [...values])).rows },
      recent.length === 0 ? undefined : recent.reduce(laterOf),
    ),
  );
  for (const row of rows) {
    const flags = [
      ...(row.isActive ? ['active'] : []),
      ...(row.parkedKeys > 0 ? [`${row.parkedKeys} keys parked`] : []),
      ...(row.deadLetters > 0 ? [`${row.deadLetters} dead letters`] : []),
    ];
    say(
      `${row.projection} v${row.version}: ${row.state}, ${row.lagEvents} events behind, at ${row.position.commit}` +
        `, moved ${row.movedAt.toISOString()}${flags.length === 0 ? '' : ` (${flags.join(', ')})`}`,
    );
  }
  return 0;
}

/** The log grows while a rebuild runs: it goes on until the switch finds it level with the active version. */
const SWITCH_ROUNDS = 20;

async function runRebuild(
  { connect, store }: Parts,
  projection: Projection,
  version: number,
  { batchSize, isSwitching }: { readonly batchSize: number | undefined; readonly isSwitching: boolean },
): Promise<number> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  for (let round = 0; round < SWITCH_ROUNDS; round++) {
    const isDone = await rebuild({
      store,
      connect,
      projection,
      version,
      logger: quietLogger,
      registry: new Registry(),
      onProgress: (progress) => say(progressLine(projection, version, progress)),
      signal: stop.signal,
      ...(batchSize === undefined ? {} : { batchSize }),
    });
    if (!isDone) {
      say('stopped; the same command goes on from here');
      return 130;
    }
    if (!isSwitching) {
      say(`built; "switch ${projection.name} --version ${version}" makes it active`);
      return 0;
    }
    if (await switchTo(connect, projection, version)) {
      say(`${projection.name} v${version} is active; the old tables stay until they are dropped`);
      return 0;
    }
  }
  throw new RebuildFailed('the live version stays ahead; try "switch" in a quieter moment');
}

function progressLine(projection: Projection, version: number, progress: RebuildProgress): string {
  const { events, remaining, eventsPerSecond } = progress;
  return `${projection.name} v${version}: ${events} events, ${remaining} to go, ${eventsPerSecond} a second`;
}

async function runSwitch({ connect }: Parts, projection: Projection, version: number): Promise<number> {
  if (!(await switchTo(connect, projection, version))) {
    throw new RebuildFailed(`version ${version} is behind the active one; "rebuild" brings it up to it`);
  }
  say(`${projection.name} v${version} is active`);
  return 0;
}

function deadLettersOf(verb: string | undefined, what: string | undefined): (parts: Parts) => Promise<number> {
  switch (verb) {
    case 'list': {
      const filter = what === undefined ? {} : { projection: projectionOf(what).name };
      return (parts) => showDeadLetters(parts, filter);
    }
    case 'replay': {
      const id = idOf(what);
      return async ({ connect, store }) => tell(await replayDeadLetter(connect, store, allProjections, id));
    }
    case 'discard': {
      const id = idOf(what);
      return async ({ connect }) => tell(await discardDeadLetter(connect, id));
    }
    default:
      throw new Misunderstood('dead-letters list [<name>] | replay <id> | discard <id>');
  }
}

async function showDeadLetters({ connect }: Parts, filter: { readonly projection?: string }): Promise<number> {
  const letters = await withClient(connect, (client) => listDeadLetters(client, filter));
  for (const letter of letters) {
    say(
      `${letter.id}  ${letter.projection} v${letter.version}  ${letter.state}  ${letter.eventType} ` +
        `${letter.stream}@${letter.revision}  key ${letter.key}  ${letter.errorClass}: ${letter.message}`,
    );
  }
  if (letters.length === 0) say('none');
  return 0;
}

function idOf(text: string | undefined): string {
  if (text === undefined || !/^\d{1,18}$/.test(text)) throw new Misunderstood('say which dead letter, by its number');
  return text;
}

function tell(outcome: DeadLetterOutcome): number {
  switch (outcome.kind) {
    case 'applied':
      say(`applied ${outcome.events} events`);
      return 0;
    case 'retrying':
      say('the projector tries it again');
      return 0;
    case 'discarded':
      say('discarded');
      return 0;
    case 'refused':
      process.stderr.write(`${outcome.reason}\n`);
      return 1;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isAsked =
    error instanceof Misunderstood ||
    (error instanceof Error && 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION');
  const isKnown = isAsked || error instanceof RebuildFailed;
  const text = error instanceof Error ? (isKnown ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${text}${isAsked ? '\n"--help" tells what there is' : ''}\n`);
  process.exitCode = isAsked ? 2 : 1;
}
