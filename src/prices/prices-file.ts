import { readFile, stat } from 'node:fs/promises';
import { ConfigError } from '../platform/config/config.error.js';
import type { HashedDocument } from './price-book.decider.js';
import { MAX_DOCUMENT_BYTES, parsePriceDocument } from './price-document.js';

/** The overrides that `MC_PRICES_FILE` names; undefined when it is empty. Errors: ConfigError with every fault. */
export async function readPricesFile(path: string): Promise<HashedDocument | undefined> {
  if (path === '') return undefined;
  const parsed = parsePriceDocument(jsonOf(await contentOf(path)));
  if (parsed.kind === 'invalid') throw new ConfigError(parsed.faults.map((fault) => `MC_PRICES_FILE: ${fault}`));
  return { document: parsed.document, hash: parsed.hash };
}

async function contentOf(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_DOCUMENT_BYTES)
      throw new ConfigError([`MC_PRICES_FILE: is larger than ${MAX_DOCUMENT_BYTES} bytes`]);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`MC_PRICES_FILE: cannot be read: ${String(error)}`]);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(['MC_PRICES_FILE: is not JSON']);
  }
}
