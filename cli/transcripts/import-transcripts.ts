import { parseArgs } from 'node:util';
import { readTranscripts, transcriptFiles, type TranscriptReading } from './transcript-files.js';
import { sendUsage, type SendingResult } from './usage-sender.js';

export const help = `Usage: npm run import:transcripts -- --agent <name> [options] <file or folder>...

Reports the token usage that Claude Code transcripts (*.jsonl) hold. Each request counts once, however often its lines
repeat and however often this is run. Folders are read with their subfolders.

  --agent <name>   the agent that the usage belongs to; sessions are <name>:<session of the transcript>
  --url <url>      the server; default MC_URL, else http://127.0.0.1:3000
  --dry-run        read and say what would be sent; send nothing, need no server and no key
  --help           this text

The key is read from MC_API_KEY: role operator, or a key of the agent with the scope agent:tokens.

Exit code: 0 all is reported, 1 failed, 2 not understood, 3 done, but lines were broken or records not taken.`;

/** What the program is given from outside. */
export interface ImportSurroundings {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  readonly rest: (ms: number) => Promise<void>;
}

interface ImportOrder {
  readonly agent: string;
  readonly url: string;
  readonly dryRun: boolean;
  readonly paths: readonly string[];
}

/** Runs the import and resolves to the exit code. Never rejects. */
export async function importTranscripts(surroundings: ImportSurroundings): Promise<number> {
  const { print, complain, environment } = surroundings;
  const order = orderOf(surroundings.args, environment['MC_URL']);
  if (order === undefined) {
    print(help);
    return 0;
  }
  if (typeof order === 'string') {
    complain(`${order}\n\n${help}`);
    return 2;
  }
  const key = environment['MC_API_KEY'] ?? '';
  if (key === '' && !order.dryRun) {
    complain('MC_API_KEY is not set: it must hold a key with the role operator, or of the agent with agent:tokens');
    return 2;
  }
  try {
    return await run(order, key, surroundings);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function run(order: ImportOrder, key: string, { print, complain, rest }: ImportSurroundings): Promise<number> {
  const files = await transcriptFiles(order.paths);
  const reading = await readTranscripts(files, order.agent);
  const records = reading.usage.records();
  print(readingText(reading, records.length));
  for (const { file, line, reason } of reading.listed) complain(`${file}:${line}: ${reason}`);
  if (reading.broken > reading.listed.length)
    complain(`and ${reading.broken - reading.listed.length} more broken lines`);
  if (order.dryRun) {
    print(`dry run: ${records.length} records would be sent to ${order.url}`);
    return reading.broken > 0 ? 3 : 0;
  }
  const result = await sendUsage(records, {
    url: order.url,
    key,
    rest,
    onProgress: (sent, total) => complain(`sent ${sent} of ${total}`),
    onRetry: (reason, waitMs) => complain(`${reason}; trying again in ${Math.ceil(waitMs / 1_000)} s`),
  });
  print(resultText(result));
  for (const { eventId, reason } of result.refused.slice(0, 20)) complain(`not taken: ${eventId}: ${reason}`);
  for (const eventId of result.conflicts.slice(0, 20)) {
    complain(`recorded before with other content, which stands: ${eventId}`);
  }
  return reading.broken + result.refused.length + result.conflicts.length > 0 ? 3 : 0;
}

/** A text: what is wrong with the arguments. Undefined: only help is asked for. */
function orderOf(args: readonly string[], urlByDefault: string | undefined): ImportOrder | string | undefined {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        agent: { type: 'string', default: '' },
        url: { type: 'string', default: urlByDefault ?? 'http://127.0.0.1:3000' },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const agent = values.agent.trim();
  if (agent === '') return '--agent is missing: the name of the agent that the usage belongs to';
  if (agent.includes(':')) return '--agent: a name cannot hold a colon';
  if (positionals.length === 0) return 'Name at least one transcript, or a folder of transcripts';
  if (!/^https?:\/\/[^/?#]/.test(values.url)) return '--url: expected http://... or https://...';
  return { agent, url: values.url.replace(/\/+$/, ''), dryRun: values['dry-run'], paths: positionals };
}

function readingText({ files, lines, broken, usage }: TranscriptReading, records: number): string {
  return (
    `read ${files} files, ${lines} lines: ${records} requests, ` +
    `${usage.repeated} lines that repeat one, ${broken} broken lines`
  );
}

function resultText({ recorded, duplicates, conflicts, refused }: SendingResult): string {
  return (
    `recorded ${recorded}, known before ${duplicates}, ` +
    `known with other content ${conflicts.length}, refused ${refused.length}`
  );
}
