import { parseArgs } from 'node:util';

export const usage = `The embedded event store: one node that speaks EventStoreDB's gRPC protocol, for development, tests and one machine.
It is not EventStoreDB.

  main.js [start] --dir DIRECTORY [options]   serve the store in the directory; made when missing
  main.js verify  --dir DIRECTORY             read the whole store and check it; the node must not be running

  --port PORT               where to listen; 0, the default, takes a free port
  --host ADDRESS            a loopback address; default 127.0.0.1
  --max-append-bytes BYTES  the size limit of one append; default 1048576
  --detached                go on when the process that started it goes away
  --accept-data-loss        start on a store that holds less than was acknowledged
  --help                    this text

Ready is said by a line on standard output, and by the message {type: 'ready', port, url} to the parent process.
SIGTERM and SIGINT stop it: the group in flight is finished, open calls end as cancelled, exit code 0.
Exit code 65: the store is damaged or incomplete, and starting again will not help.
`;

export interface CommandLine {
  /** `look` and `look-through` are what the other two do in a process of their own first. */
  readonly command: 'start' | 'verify' | 'look' | 'look-through' | 'help';
  readonly dir: string;
  readonly port: number;
  readonly host: string;
  readonly maxAppendBytes: number | undefined;
  readonly detached: boolean;
  readonly acceptDataLoss: boolean;
}

/** The command line makes no sense. */
export class BadUsage extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadUsage';
  }
}

const integer = (name: string, text: string | undefined, max: number): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new BadUsage(`--${name} must be a number from 0 to ${max}.`);
  return value;
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string' },
        'max-append-bytes': { type: 'string' },
        detached: { type: 'boolean' },
        'accept-data-loss': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message : String(error));
  }
};

const isCommand = (text: string): text is CommandLine['command'] =>
  ['start', 'verify', 'look', 'look-through', 'help'].includes(text);

/** @throws BadUsage */
export const readCommandLine = (args: readonly string[]): CommandLine => {
  const { values, positionals } = parse(args);
  const [command = 'start', ...others] = positionals;
  if (others.length > 0) throw new BadUsage(`Unexpected: ${others.join(' ')}.`);
  if (!isCommand(command)) throw new BadUsage(`Unknown command: ${command}.`);
  if (values.help !== true && command !== 'help' && !values.dir) throw new BadUsage('--dir is required.');
  return {
    command: values.help === true ? 'help' : command,
    dir: values.dir ?? '',
    port: integer('port', values.port, 65_535) ?? 0,
    host: values.host ?? '127.0.0.1',
    maxAppendBytes: integer('max-append-bytes', values['max-append-bytes'], 16 * 1024 * 1024),
    detached: values.detached ?? false,
    acceptDataLoss: values['accept-data-loss'] ?? false,
  };
};
