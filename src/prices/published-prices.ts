import { readFileSync } from 'node:fs';
import type { HashedDocument } from './price-book.decider.js';
import { parsePriceDocument } from './price-document.js';

let read: HashedDocument | undefined;

/** The reviewed prices that this release brings (`npm run prices:generate` writes them). */
export function publishedPrices(): HashedDocument {
  read ??= readPublished();
  return read;
}

function readPublished(): HashedDocument {
  const parsed = parsePriceDocument(
    JSON.parse(readFileSync(new URL('published-prices.json', import.meta.url), 'utf8')),
  );
  if (parsed.kind === 'invalid') throw new Error(`the published prices are invalid: ${parsed.faults.join('; ')}`);
  return parsed;
}
