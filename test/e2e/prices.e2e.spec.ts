import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { comparePrices } from '../../cli/prices/compare-prices.js';
import { publishedPrices } from '../../src/prices/published-prices.js';
import { type Application, startApplication, startStoreAndDatabase } from '../support/application.js';
import { eventually } from '../support/eventually.js';
import { testKeys } from '../support/http-app.js';

const rate = { effectiveFrom: '2025-01-01T00:00:00.000Z', inputPerMTok: '3', outputPerMTok: '15' };
const entry = (model: string, inputPerMTok = '3') => ({
  provider: 'acme',
  model,
  aliases: [],
  rates: [{ ...rate, inputPerMTok }],
});
const document = (version: string, ...models: readonly object[]) => ({
  version,
  source: 'the test',
  recordedAt: '2026-11-21T00:00:00.000Z',
  models,
});
const admin = { key: testKeys.admin };

let application: Application;

beforeAll(async () => {
  application = await startApplication();
  await eventually('the prices are seeded', async () => (await prices()).bookVersion === 1);
});

afterAll(() => application.close());

async function prices(query = '', on = application) {
  return (await on.call('GET', `/api/prices${query}`)).body;
}

async function put(body: unknown, { query = '', headers = {} } = {}) {
  return application.call('PUT', `/api/prices${query}`, { ...admin, body, headers });
}

/** As `npm run prices:compare` does. */
async function compare(body: unknown) {
  const dir = await mkdtemp(join(tmpdir(), 'mc-compare-'));
  const printed: string[] = [];
  const complaints: string[] = [];
  try {
    await writeFile(join(dir, 'prices.json'), JSON.stringify(body));
    const code = await comparePrices({
      args: [join(dir, 'prices.json')],
      environment: { MC_URL: application.urls[0] ?? '', MC_API_KEY: testKeys.admin },
      print: (text) => printed.push(...text.split('\n')),
      complain: (text) => complaints.push(text),
    });
    return { code, printed, complaints };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function revisions(): Promise<number> {
  return (await application.log()).filter(({ type }) => type === 'PriceBookRevised').length;
}

describe('a new installation', () => {
  it('has the published prices, as version 1', async () => {
    const { headers, body } = await application.call('GET', '/api/prices?version=1');
    const { version, source, recordedAt, models } = publishedPrices().document;
    expect(headers.get('etag')).toBe('"1"');
    expect(headers.get('x-mc-position')).toMatch(/^1-/);
    expect(body).toMatchObject({
      bookVersion: 1,
      layer: 'effective',
      overriddenModels: 0,
      namesTaken: [],
      published: { version, source, recordedAt, newer: false },
    });
    expect(body.document.models).toHaveLength(models.length);
    const book = await prices('?layer=book&version=1');
    expect(book.document).toEqual({ version, source, recordedAt, models });
  });

  it('has no overrides', async () => {
    expect(await prices('?layer=override&version=1')).toMatchObject({ document: null, documentHash: null });
  });
});

describe('a revision', () => {
  it('shows what it would do and records nothing in a dry run', async () => {
    const before = await prices();
    const { status, body } = await put(document('dry', entry('m')), { query: '?dryRun=true' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dryRun: true, bookVersion: before.bookVersion, recorded: true });
    expect(body.changed).toEqual([{ provider: 'acme', model: 'm' }]);
    expect(body.removed.length).toBe(before.document.models.length);
    expect(body.names).toContainEqual({ name: 'm', from: null, to: { provider: 'acme', model: 'm' } });
    expect(await prices()).toEqual(before);
  });

  it('replaces the book, says so with its version and position, and is kept with its reason', async () => {
    const { bookVersion } = await prices();
    const answer = await put(document('mine', entry('m'), entry('n')), { query: '?reason=checked%20by%20hand' });
    expect(answer).toMatchObject({
      status: 200,
      body: { success: true, recorded: true, bookVersion: bookVersion + 1 },
    });
    expect(answer.headers.get('x-mc-position')).toMatch(/^1-/);
    expect((await prices('?layer=book')).document).toEqual(document('mine', entry('m'), entry('n')));
    const { body } = await application.call('GET', '/api/prices/history?limit=1');
    expect(body).toMatchObject({ total: bookVersion + 1, page: 1, limit: 1 });
    expect(body.revisions[0]).toMatchObject({
      bookVersion: bookVersion + 1,
      layer: 'book',
      label: 'mine',
      reason: 'checked by hand',
      actor: 'admin of the test',
      changed: [{ model: 'm', rates: [{ rateId: expect.any(Number) }] }, { model: 'n' }],
    });
  });

  it('that changes nothing records nothing, also under another order and spelling', async () => {
    await put(document('same', entry('a'), entry('b')));
    const before = await revisions();
    const again = await put(document('same', { ...entry('b', '3.000') }, entry('a')));
    expect(again).toMatchObject({ status: 200, body: { recorded: false, changed: [], removed: [], names: [] } });
    expect(await revisions()).toBe(before);
  });

  it('under a key happens once, and the copy tells the same', async () => {
    const headers = { 'idempotency-key': 'revise-once' };
    const first = await put(document('keyed', entry('k')), { headers });
    const before = await revisions();
    const second = await put(document('keyed', entry('k')), { headers });
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await revisions()).toBe(before);
  });

  it('warns of what its author hardly meant', async () => {
    await put(document('before', entry('w', '1')));
    const { body } = await put(document('after', entry('w', '11')), { query: '?dryRun=true' });
    expect(body.warnings).toEqual(['acme w: inputPerMTok goes from 1 to 11 (standard)']);
  });

  it('with faults is refused with all of them, and changes nothing', async () => {
    const before = await prices();
    const rates = [
      { ...rate, inputPerMTok: 3 },
      { ...rate, outputPerMTok: '-1', promptTreshold: 5 },
    ];
    const { status, body } = await put(document('bad', { ...entry('m'), rates }, entry('m')));
    expect(status).toBe(400);
    expect(body.error).toBe('Invalid price document');
    expect(body.details.map((detail: string) => detail.split(':')[0])).toEqual([
      'models[0].rates[0].inputPerMTok',
      'models[0].rates[1].promptTreshold',
      'models[0].rates[1].outputPerMTok',
      'models[0].rates[1].promptThreshold',
      'models[1].model',
    ]);
    expect(await prices()).toEqual(before);
    expect((await put(undefined)).status).toBe(400);
    expect((await put(document('x'.repeat(600_000)))).status).toBe(413);
  });

  it('of somebody who looked at another version is refused with the one that is there', async () => {
    const { bookVersion } = await prices();
    const stale = await put(document('stale', entry('s')), { headers: { 'if-match': `"${bookVersion - 1}"` } });
    expect(stale).toMatchObject({ status: 412, body: { bookVersion } });
    expect(stale.headers.get('etag')).toBe(`"${bookVersion}"`);
    expect((await put(document('stale', entry('s')), { headers: { 'if-match': 'W/"1"' } })).status).toBe(400);
    const current = await put(document('current', entry('s')), { headers: { 'if-match': `"${bookVersion}"` } });
    expect(current).toMatchObject({ status: 200, body: { bookVersion: bookVersion + 1 } });
  });

  it('leaves every earlier version readable', async () => {
    expect((await prices('?version=1')).document.models.length).toBe(publishedPrices().document.models.length);
    expect((await application.call('GET', '/api/prices?version=999')).status).toBe(404);
    expect((await application.call('GET', '/api/prices?version=0')).status).toBe(400);
    expect((await application.call('GET', '/api/prices?layer=both')).status).toBe(400);
  });

  it('is for admins', async () => {
    const body = document('forbidden');
    expect((await application.call('PUT', '/api/prices', { key: testKeys.operator, body })).status).toBe(403);
  });
});

describe('the difference', () => {
  const report = (eventId: string, model: string, timestamp: string, inputTokens: number) => ({
    eventId,
    model,
    sessionId: 'bot:chat',
    inputTokens,
    outputTokens: 0,
    timestamp,
  });

  it('is told by model and day before a revision, and is the one that it makes', async () => {
    await put(document('difference 1', entry('dear', '3')));
    const reports = await application.call('POST', '/api/tokens', {
      body: [
        report('d1', 'dear', '2025-03-01T10:00:00Z', 1_000_000),
        report('d2', 'dear', '2025-03-02T00:00:00Z', 1),
        report('d3', 'dear-5', '2025-03-02T23:59:59.999Z', 7),
      ],
    });
    await application.read('/api/prices/repricing', reports.headers);
    const next = document('difference 2', entry('dear', '4.5'), entry('dear-5', '1'));
    const dry = await put(next, { query: '?dryRun=true' });
    const line = (model: string, day: string, old: string, now: string, delta: string, newlyPriced: number) => ({
      model,
      day,
      requests: 1,
      oldCostUsd: old,
      newCostUsd: now,
      deltaUsd: delta,
      newlyPriced,
      newlyUnpriced: 0,
    });
    expect(dry.body.impact).toEqual({
      lines: [
        line('dear', '2025-03-01', '3.000000000000', '4.500000000000', '1.500000000000', 0),
        line('dear-5', '2025-03-02', '0.000000000000', '0.000007000000', '0.000007000000', 1),
        line('dear', '2025-03-02', '0.000003000000', '0.000004500000', '0.000001500000', 0),
      ],
      linesLeftOut: 0,
      models: [
        {
          model: 'dear',
          requests: 2,
          oldCostUsd: '3.000003000000',
          newCostUsd: '4.500004500000',
          deltaUsd: '1.500001500000',
          newlyPriced: 0,
          newlyUnpriced: 0,
        },
        {
          model: 'dear-5',
          requests: 1,
          oldCostUsd: '0.000000000000',
          newCostUsd: '0.000007000000',
          deltaUsd: '0.000007000000',
          newlyPriced: 1,
          newlyUnpriced: 0,
        },
      ],
      modelsLeftOut: 0,
      totals: {
        requests: 3,
        oldCostUsd: '3.000003000000',
        newCostUsd: '4.500011500000',
        deltaUsd: '1.500008500000',
        newlyPriced: 1,
        newlyUnpriced: 0,
      },
    });
    const { code, printed } = await compare(next);
    expect([code, ...printed.map((line) => line.split(/ {2,}/))]).toEqual([
      0,
      ['model', 'requests', 'cost now', 'cost by the file', 'difference', 'get a price', 'lose it'],
      ['dear', '2', '3.000003000000', '4.500004500000', '1.500001500000', '0', '0'],
      ['dear-5', '1', '0.000000000000', '0.000007000000', '0.000007000000', '1', '0'],
      ['total', '3', '3.000003000000', '4.500011500000', '1.500008500000', '1', '0'],
    ]);
    const real = await put(next);
    expect(real.body.impact).toEqual(dry.body.impact);
    expect(real.body.repricing.bookVersion).toBe(real.body.bookVersion);
    const done = await eventually('all is priced anew', async () => {
      const { body } = await application.call('GET', '/api/prices/repricing');
      return body.repricing.state === 'done' ? body.repricing : undefined;
    });
    expect(done.bookVersion).toBe(real.body.bookVersion);
    const again = await put(document('difference 3', entry('dear', '4.5'), entry('dear-5', '1')), {
      query: '?dryRun=true',
    });
    expect(again.body.impact).toMatchObject({ lines: [], totals: { requests: 0 } });
    expect(await compare(next)).toMatchObject({ code: 0, printed: ['The same usage costs the same by both.'] });
    const faulty = await compare({ ...next, models: [{ ...entry('m'), rate: 1 }] });
    expect([faulty.code, faulty.complaints]).toEqual([1, [expect.stringContaining('models[0].rate: ')]]);
  });
});

describe('the prices of the release', () => {
  it('come back by a refresh, with a dry run before', async () => {
    await put(document('old', entry('o')));
    const dry = await application.call('POST', '/api/prices/refresh?dryRun=true', admin);
    expect(dry.body).toMatchObject({ dryRun: true, removed: [{ provider: 'acme', model: 'o' }] });
    const real = await application.call('POST', '/api/prices/refresh', admin);
    expect(real.body).toMatchObject({ success: true, recorded: true });
    expect((await prices('?layer=book')).document).toEqual(publishedPrices().document);
  });
});

describe('the overrides of MC_PRICES_FILE', () => {
  let dir: string;
  let ground: Awaited<ReturnType<typeof startStoreAndDatabase>>;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-prices-'));
    ground = await startStoreAndDatabase();
  });
  afterAll(async () => {
    await ground.release();
    await rm(dir, { recursive: true });
  });

  const start = async (overrides?: object, replicas = 1) => {
    const pricesFile = overrides === undefined ? '' : join(dir, 'prices.json');
    if (overrides !== undefined) await writeFile(pricesFile, JSON.stringify(overrides));
    return startApplication({ on: ground, replicas, config: { pricesFile, roles: ['api', 'projector', 'reactors'] } });
  };
  const history = async (on: Application) =>
    (await on.call('GET', '/api/prices/history')).body.revisions.map(
      ({ layer, label }: { layer: string; label: string | null }) => `${layer} ${label}`,
    );
  const published = `book ${publishedPrices().document.version}`;

  it('lie over the book, once, however many processes read them', async () => {
    const gpt = { ...entry('gpt-4o', '99'), aliases: ['claude-sonnet-4-5'] };
    const app = await start(document('overrides', gpt), 2);
    await eventually('the overrides are recorded', async () => (await prices('', app)).overriddenModels === 1);
    expect(await history(app)).toEqual(['override overrides', published]);
    const { document: effective, namesTaken } = await prices('', app);
    const named = (name: string) =>
      effective.models.filter(({ model, aliases }: { model: string; aliases: string[] }) =>
        [model, ...aliases].includes(name),
      );
    expect(named('gpt-4o').map(({ provider }: { provider: string }) => provider)).toContain('acme');
    expect(namesTaken).toContainEqual({
      name: 'claude-sonnet-4-5',
      from: { provider: 'anthropic', model: 'claude-sonnet-4-5' },
      by: { provider: 'acme', model: 'gpt-4o' },
    });
    await app.close();
  });

  it('are recorded again only when the file says something else', async () => {
    const same = await start(document('overrides', { ...entry('gpt-4o', '99.0'), aliases: ['claude-sonnet-4-5'] }));
    await same.close();
    const app = await start(document('overrides 2', entry('gpt-4o', '98')));
    await eventually('the new ones are recorded', async () => (await history(app)).length === 3);
    expect(await history(app)).toEqual(['override overrides 2', 'override overrides', published]);
    await app.close();
  });

  it('stay when the setting goes, until somebody clears them', async () => {
    const app = await start();
    expect(await prices('', app)).toMatchObject({ overriddenModels: 1 });
    const cleared = await app.call('DELETE', '/api/prices/overrides?reason=over', admin);
    expect(cleared.body).toMatchObject({ success: true, removed: [{ provider: 'acme', model: 'gpt-4o' }] });
    expect(cleared.body.names).toContainEqual({
      name: 'gpt-4o',
      from: { provider: 'acme', model: 'gpt-4o' },
      to: { provider: 'openai', model: 'gpt-4o' },
    });
    expect(await prices('', app)).toMatchObject({ overriddenModels: 0 });
    expect(await app.call('DELETE', '/api/prices/overrides', admin)).toMatchObject({ body: { recorded: false } });
    await app.close();
  });
});
