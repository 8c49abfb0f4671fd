import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

export const help = `Usage: npm run prices:compare -- [options] <file>

Prices all usage of the server by the price document in <file> instead of the book, and lists the models by what that
changes. Nothing is recorded. Overrides of the server stay in force on both sides.

  --url <url>   the server; default MC_URL, else http://127.0.0.1:3000
  --json        the lines as JSON instead of a table
  --help        this text

The key is read from MC_API_KEY: role admin.

Exit code: 0 compared, 1 failed, 2 not understood.`;

const TIMEOUT_MS = 120_000;

/** What the program is given from outside. */
export interface CompareSurroundings {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** The part of the answer of a dry run that is compared; money in USD with 12 decimals. */
interface PriceImpact {
  readonly models: readonly Change[];
  readonly modelsLeftOut: number;
  readonly totals: Omit<Change, 'model'>;
}

interface Change {
  readonly model: string;
  readonly requests: number;
  readonly oldCostUsd: string;
  readonly newCostUsd: string;
  readonly deltaUsd: string;
  readonly newlyPriced: number;
  readonly newlyUnpriced: number;
}

interface CompareOrder {
  readonly url: string;
  readonly file: string;
  readonly isJson: boolean;
}

/** Compares and resolves to the exit code. Never rejects. */
export async function comparePrices(surroundings: CompareSurroundings): Promise<number> {
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
  if (key === '') {
    complain('MC_API_KEY is not set: it must hold a key with the role admin');
    return 2;
  }
  try {
    const { models, modelsLeftOut, totals } = await impactOf(order, key);
    print(order.isJson ? JSON.stringify({ models, modelsLeftOut, totals }, null, 2) : tableOf(models, totals));
    if (modelsLeftOut > 0) complain(`${modelsLeftOut} models with smaller differences are in the total alone`);
    return 0;
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** A text: what is wrong with the arguments. Undefined: only help is asked for. */
function orderOf(args: readonly string[], urlByDefault: string | undefined): CompareOrder | string | undefined {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        url: { type: 'string', default: urlByDefault ?? 'http://127.0.0.1:3000' },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) return 'Name one price document';
  if (!/^https?:\/\/[^/?#]/.test(values.url)) return '--url: expected http://... or https://...';
  return { url: values.url.replace(/\/+$/, ''), file, isJson: values.json };
}

/** Errors: the file cannot be read; the server is away, refuses, or finds faults in the document. */
async function impactOf({ url, file }: CompareOrder, key: string): Promise<PriceImpact> {
  const response = await fetch(`${url}/api/prices?dryRun=true`, {
    method: 'PUT',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: await readFile(file, 'utf8'),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(refusalText(response.status, text));
  return (JSON.parse(text) as { readonly impact: PriceImpact }).impact;
}

function refusalText(status: number, text: string): string {
  try {
    const { error, details = [] } = JSON.parse(text) as {
      readonly error: string;
      readonly details?: readonly string[];
    };
    return [`${status} ${error}`, ...details].join('\n  ');
  } catch {
    return `the server answered ${status}`;
  }
}

function tableOf(models: readonly Change[], totals: PriceImpact['totals']): string {
  if (models.length === 0) return 'The same usage costs the same by both.';
  const head = ['model', 'requests', 'cost now', 'cost by the file', 'difference', 'get a price', 'lose it'];
  const rows = [...models, { model: 'total', ...totals }].map((change) => [
    change.model,
    String(change.requests),
    change.oldCostUsd,
    change.newCostUsd,
    change.deltaUsd,
    String(change.newlyPriced),
    String(change.newlyUnpriced),
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return all.map(lineOf).join('\n');
}
