import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../platform/config/config.error.js';
import { MAX_DOCUMENT_BYTES } from './price-document.js';
import { readPricesFile } from './prices-file.js';

const rate = { effectiveFrom: '2025-01-01T00:00:00.000Z', inputPerMTok: '3', outputPerMTok: '15' };
const document = (...rates: readonly object[]) => ({
  version: '1',
  source: 'the test',
  recordedAt: '2026-11-21T00:00:00.000Z',
  models: [{ provider: 'acme', model: 'm', aliases: [], rates }],
});

describe('the file of price overrides', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-prices-file-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  async function problemsOf(content: string): Promise<readonly string[]> {
    const path = join(dir, 'prices.json');
    await writeFile(path, content);
    const error: unknown = await readPricesFile(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ConfigError)) throw new Error('the file was taken', { cause: error });
    return error.problems;
  }

  it('may be absent from the settings', async () => {
    expect(await readPricesFile('')).toBeUndefined();
  });

  it('is read as a price document', async () => {
    const path = join(dir, 'good.json');
    await writeFile(path, JSON.stringify(document(rate)));
    expect((await readPricesFile(path))?.document).toEqual(document(rate));
  });

  it('stops the start with every fault in it', async () => {
    expect(await problemsOf(JSON.stringify(document({ ...rate, inputPerMTok: 3, currency: 'EUR' })))).toEqual([
      'MC_PRICES_FILE: models[0].rates[0].currency: is no field of a price document',
      expect.stringMatching(/^MC_PRICES_FILE: models\[0\]\.rates\[0\]\.inputPerMTok: must be a decimal string/),
    ]);
  });

  it('stops the start when it is no JSON, too large, or not there', async () => {
    expect(await problemsOf('{')).toEqual(['MC_PRICES_FILE: is not JSON']);
    expect(await problemsOf(' '.repeat(MAX_DOCUMENT_BYTES + 1))).toEqual([
      'MC_PRICES_FILE: is larger than 524288 bytes',
    ]);
    await expect(readPricesFile(join(dir, 'missing.json'))).rejects.toThrow(/MC_PRICES_FILE: cannot be read: .*ENOENT/);
  });
});
