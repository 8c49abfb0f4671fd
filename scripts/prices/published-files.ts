import { format, resolveConfig } from 'prettier';
import type { EntryTerms } from '../../src/prices/price-book.decider.js';
import { parsePriceDocument } from '../../src/prices/price-document.js';
import type { PublishedModels, Remark } from './published-models.js';

export interface PriceSource {
  /** The package and its version. */
  readonly name: string;
  readonly version: string;
  /** When that version was published. */
  readonly publishedAt: string;
}

export const DOCUMENT_FILE = 'src/prices/published-prices.json';
export const REPORT_FILE = 'docs/reference/published-prices.md';

/** The seed file. Throws when our own format refuses it. */
export async function documentText(source: PriceSource, { models }: PublishedModels): Promise<string> {
  const day = source.publishedAt.slice(0, 10);
  const document = {
    version: `${day} (${source.name} ${source.version})`,
    source: `genai-prices, npm ${source.name} ${source.version} of ${day}, MIT licence`,
    recordedAt: source.publishedAt,
    models: [...models].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  };
  const parsed = parsePriceDocument(document);
  if (parsed.kind === 'invalid') throw new Error(`the generated prices are invalid:\n${parsed.faults.join('\n')}`);
  return formatted(JSON.stringify(document), DOCUMENT_FILE);
}

/** The page that says what is in the seed file and what of the source is not, and why. */
export async function reportText(source: PriceSource, { models, leftOut, marked }: PublishedModels): Promise<string> {
  const rows = models.reduce((sum, { rates }) => sum + rates.length, 0);
  const providers = [...new Set(models.map(({ provider }) => provider))].sort();
  const lines = [
    '---',
    'kind: reference',
    '---',
    '',
    '# Published prices',
    '',
    'The prices that a new installation begins with: `src/prices/published-prices.json`. Written by',
    '`npm run prices:generate`; do not edit it by hand.',
    '',
    `Source: genai-prices, npm \`${source.name}\` ${source.version}, published ${source.publishedAt.slice(0, 10)},`,
    'MIT licence, Copyright (c) Pydantic Services Inc. 2025 to present.',
    '',
    `${models.length} models, ${rows} rates.`,
    '',
    '| provider | models | rates |',
    '| --- | --- | --- |',
    ...providers.map((provider) => {
      const own = models.filter((entry) => entry.provider === provider);
      return `| ${provider} | ${own.length} | ${own.reduce((sum, { rates }) => sum + rates.length, 0)} |`;
    }),
    '',
    'A rate without a known first day holds from 1970-01-01, which means: since before we know.',
    '',
    '## Left out',
    '',
    'What the source lists and the file does not. A report that names such a model has no price until somebody lists it.',
    '',
    ...table('why', leftOut),
    '',
    '## Other prices',
    '',
    'Models that are in the file for their text tokens. The source has prices beside those, for which nothing is counted',
    'here.',
    '',
    ...table('not counted', marked),
    '',
  ];
  return formatted(lines.join('\n'), REPORT_FILE);
}

function table(what: string, remarks: readonly Remark[]): string[] {
  return [
    `| provider | model | ${what} |`,
    '| --- | --- | --- |',
    ...remarks.map(({ provider, model, reason }) => `| ${provider} | \`${model}\` | ${reason} |`),
  ];
}

async function formatted(text: string, file: string): Promise<string> {
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}

function keyOf({ provider, model }: EntryTerms): string {
  return JSON.stringify([provider, model]);
}
