import { parseArgs } from 'node:util';
import { allEventContracts } from '../src/all.events.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import type { EventStore } from '../src/platform/event-store/event-store.js';
import { logEnd } from '../src/platform/event-store/log-end.js';
import { allMigrations } from './all.migrations.js';
import { projectionsFor } from './all.projections.js';
import { type Connect, connector, withClient } from './engine/database.js';
import { discardDeadLetter, type DeadLetterOutcome, replayDeadLetter } from './engine/dead-letter-commands.js';
import { listDeadLetters } from './engine/dead-letters.js';
import { migrate } from './engine/migrations.js';
import type { Projection } from './engine/projection.js';
import { RebuildFailed } from './engine/rebuild.js';
import { storedStatus } from './engine/status.js';
import { dropVersion, switchTo } from './engine/switch.js';
import { runRebuild } from './rebuild-command.js';

const HELP = `Usage: node dist/projections/main.js <command> [options]

  status                                where every projection stands
  rebuild <name>... | all               fold the whole log into new tables beside the live ones, then switch to them;
                                        several are folded from one reading of the log, which takes about as long as
                                        the slowest; stop it with Ctrl-C and start it again to go on
          [--version <n>]               of a single one; else the version that was begun, or the next
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
  const [command, ...names] = positionals;
  if (values.help || command === undefined) {
    say(HELP);
    return values.help ? 0 : 2;
  }
  if (values.database === '') throw new Misunderstood('say which database: --database <url> or DATABASE_URL');
  if (values['event-store'] === '') throw new Misunderstood('say which log: --event-store <url> or EVENTSTORE_URL');
  const work = workOf(command, names, values);
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
function workOf(command: string, names: readonly string[], options: Options): (parts: Parts) => Promise<number> {
  const [first, second] = names;
  switch (command) {
    case 'status':
      return status;
    case 'rebuild': {
      const projections =
        names.length === 1 && first === 'all' ? allProjections : [...new Set(names)].map(projectionOf);
      if (projections.length === 0) projectionOf(undefined);
      const version = options.version === undefined ? undefined : wholeNumber('--version', options.version);
      if (version !== undefined && projections.length > 1)
        throw new Misunderstood('--version goes with one projection');
      const size = options['batch-size'];
      const batchSize = size === undefined ? undefined : wholeNumber('--batch-size', size);
      const isSwitching = !options['no-switch'];
      return (parts) => runRebuild({ ...parts, projections, version, batchSize, isSwitching, say });
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
  const head = await logEnd(store);
  const rows = await withClient(connect, (client) =>
    storedStatus({ query: async (text, values = []) => (await client.query(text, [...values])).rows }, head),
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
