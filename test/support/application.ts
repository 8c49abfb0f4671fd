import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { startNode } from '../../embedded/event-store/index.js';
import { AppModule } from '../../src/app.module.js';
import type { Config } from '../../src/platform/config/config.js';
import { EventStore, isReadable } from '../../src/platform/event-store/event-store.js';
import { BEFORE_EVERYTHING } from '../../src/platform/event-store/position.js';
import type { StoredEvent } from '../../src/platform/event-store/stored-event.js';
import { createHttpApp } from '../../src/platform/http/create-app.js';
import { createLogger } from '../../src/platform/telemetry/pino-logger.js';
import { eventually } from './eventually.js';
import { testConfig, testKeys } from './http-app.js';
import { testDatabase } from './postgres.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The body is whatever the route answers; the specs say what they expect of it.
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface CallOptions {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly replica?: number;
}

/** The whole system in this process: every role, a real node over its socket, a real database, real HTTP. */
export interface Application {
  readonly urls: readonly string[];
  readonly replicas: readonly NestFastifyApplication[];
  readonly store: EventStore;
  readonly storeUrl: string;
  readonly databaseUrl: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A query that is true up to the position in the headers of an earlier answer, however long the projector takes. */
  read(path: string, after?: Headers): Promise<Answer>;
  /** Every event of the log, in order, but for what processes note about themselves at a time of their own. */
  log(): Promise<readonly StoredEvent[]>;
  close(): Promise<void>;
}

export interface ApplicationOptions {
  readonly replicas?: number;
  readonly config?: Partial<Config>;
  /** Fresh processes on the store and the database of another application, which keeps both. */
  readonly on?: Pick<Application, 'storeUrl' | 'databaseUrl'>;
}

const HOUSEKEEPING = /^(keyuse|reactor|dispatch)-/;

/** The first replica has every role, the others only `api`. */
export async function startApplication(options: ApplicationOptions = {}): Promise<Application> {
  const { storeUrl, databaseUrl, release } =
    options.on === undefined ? await startStoreAndDatabase() : { ...options.on, release: () => Promise.resolve() };
  const replicas: NestFastifyApplication[] = [];
  for (let index = 0; index < (options.replicas ?? 1); index += 1) {
    const config = testConfig({
      eventStoreUrl: storeUrl,
      databaseUrl,
      roles: index === 0 ? ['api', 'projector', 'reactors'] : ['api'],
      ...options.config,
    });
    const app = await createHttpApp(AppModule.for(config), createLogger(config, 'test'));
    await app.listen(0, '127.0.0.1');
    replicas.push(app);
  }
  const urls = await Promise.all(replicas.map((app) => app.getUrl()));
  for (const url of urls) await eventually('the application is ready', () => isReady(url), 30_000);
  const store = replicas[0]?.get<EventStore>(EventStore, { strict: false });
  if (store === undefined) throw new Error('no replica was asked for');
  if (options.config?.roles?.includes('reactors') ?? true) {
    await eventually('the first prices', async () => (await store.readStream('prices-main', { max: 1 })) !== undefined);
  }
  return {
    urls,
    replicas,
    store,
    storeUrl,
    databaseUrl,
    call: (method, path, call = {}) => callApi(urls[call.replica ?? 0] ?? '', method, path, call),
    read: (path, after) => {
      const position = after?.get('x-mc-position');
      const atLeast = position ? `${path.includes('?') ? '&' : '?'}atLeast=${position}` : '';
      return eventually(
        `the read models reach ${position}`,
        async () => {
          const answer = await callApi(urls[0] ?? '', 'GET', `${path}${atLeast}`, {});
          return answer.status === 503 ? undefined : answer;
        },
        60_000,
      );
    },
    log: async () => {
      const events: StoredEvent[] = [];
      for await (const entry of store.readAll({ after: BEFORE_EVERYTHING })) {
        if (isReadable(entry) && !HOUSEKEEPING.test(entry.stream)) events.push(entry);
      }
      return events;
    },
    close: async () => {
      for (const app of replicas.toReversed()) await app.close();
      await release();
    },
  };
}

/** Degraded is not enough: without the read models some commands are refused. */
async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/api/health/ready`);
  return ((await response.json()) as { status: string }).status === 'ready';
}

/** A store and a database that several applications may run on, one after the other or side by side. */
export async function startStoreAndDatabase() {
  const dir = await mkdtemp(join(tmpdir(), 'mc-application-'));
  const node = await startNode({ dir });
  const database = await testDatabase();
  return {
    storeUrl: node.url,
    databaseUrl: database.url,
    release: async () => {
      await node.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function callApi(
  url: string,
  method: string,
  path: string,
  { key, body, headers }: CallOptions,
): Promise<Answer> {
  const isText = typeof body === 'string';
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'x-api-key': key ?? testKeys.admin,
      ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = text !== '' && response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
