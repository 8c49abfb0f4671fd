import { readFileSync } from 'node:fs';
import { findProvider, type Provider } from '@pydantic/genai-prices';
import type { PriceSource } from './published-files.js';

const NAME = '@pydantic/genai-prices';
const MANIFEST = 'node_modules/@pydantic/genai-prices/package.json';

/** Their ids of the makers of models, in the order in which they win a name. */
const FIRST_PARTIES = ['anthropic', 'openai', 'google', 'mistral', 'x-ai', 'moonshotai', 'cohere', 'deepseek'];

/** When versions that we have used were published. */
const PUBLISHED_AT: Readonly<Record<string, string>> = { '0.1.8': '2026-09-23T10:11:04.000Z' };

/** The installed version of the source. Nothing is fetched: its data comes with the package. */
export function genaiPricesSource(): PriceSource {
  const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string };
  const publishedAt = PUBLISHED_AT[version];
  if (publishedAt === undefined) throw new Error(`say in scripts/prices when ${NAME} ${version} was published`);
  return { name: NAME, version, publishedAt };
}

export function firstParties(): Provider[] {
  return FIRST_PARTIES.map(providerOf);
}

/** Throws for an id that the source does not know. */
export function providerOf(providerId: string): Provider {
  const provider = findProvider({ providerId });
  if (provider === undefined) throw new Error(`${NAME} knows no provider ${providerId}`);
  return provider;
}
