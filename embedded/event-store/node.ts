import { chmodSync, mkdirSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthState, type Health } from './health.js';
import { lockDirectory } from './lifecycle/lock-file.js';
import { Witness, checkWitness, readWitness } from './lifecycle/witness.js';
import { silentLogger, type Logger } from './logger.js';
import { BackwardLogCursor } from './reader/log-cursor.js';
import { CommitSignals } from './reader/commit-signals.js';
import { append } from './services/append.js';
import { batchAppend } from './services/batch-append.js';
import { deleteStream } from './services/delete.js';
import { gossip, serverFeatures } from './services/information.js';
import type { NodeContext, OpenCall } from './services/node-context.js';
import { read } from './services/read.js';
import { gossipService, serverFeaturesService, streamsService } from './services/service-definitions.js';
import type { CommitFailed, EventStorage } from './storage/event-storage.js';
import { LmdbStorage } from './storage/lmdb-storage.js';
import { DamagedRecord } from './storage/record.js';
import { cancelled } from './wire/grpc-errors.js';
import { Heads } from './writer/heads.js';
import { RecentIds } from './writer/recent-ids.js';
import { Writer } from './writer/writer.js';

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
const DEFAULT_MAX_APPEND_BYTES = 1024 * 1024;

/** So many events at the end of the log are remembered by id after a restart, for repeated appends with `any`. */
const REMEMBERED_EVENTS = 10_000;
const REMEMBERED_BYTES = 8 * 1024 * 1024;

const STOP_GRACE_MS = 2000;
const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

export interface NodeOptions {
  /** The data directory. Created with mode 0700 when missing. */
  readonly dir: string;
  /** A loopback address; default 127.0.0.1. There is no authentication, so the node refuses any other. */
  readonly host?: string;
  /** 0 or absent: a free one is chosen. */
  readonly port?: number;
  /** The limit of an append: data, custom metadata and twice the types of its events. Default 1 MiB. */
  readonly maxAppendBytes?: number;
  /** Start on a store that holds less than was acknowledged. Default false. */
  readonly acceptDataLoss?: boolean;
  readonly logger?: Logger;
  /** Called when the health changes. After `failed` the node has stopped by itself. */
  readonly onHealth?: (health: Health) => void;
  /** Another storage, for tests of what a failing one does. */
  readonly openStorage?: (directory: string) => EventStorage;
}

export interface EventStoreNode {
  /** The connection string: `esdb://127.0.0.1:PORT?tls=false`. */
  readonly url: string;
  readonly port: number;
  health(): Health;
  /** Finishes the group in flight, ends all calls, closes the store. May be called again. */
  close(): Promise<void>;
}

/** The address is not one of this machine's own. */
export class NotLoopback extends Error {
  constructor(host: string) {
    super(`The embedded event store has no authentication and binds to loopback only, not to ${host}.`);
    this.name = 'NotLoopback';
  }
}

const openLmdb = (directory: string): EventStorage => LmdbStorage.open(directory);

/** Checks the store against its witness, unless told by name to accept what is lost. */
const checkStore = (storage: EventStorage, { dir, acceptDataLoss }: NodeOptions, logger: Logger): void => {
  const witness = readWitness(dir);
  if (witness === undefined) return;
  try {
    checkWitness(storage, witness);
  } catch (error) {
    if (acceptDataLoss !== true) throw error;
    logger.warn({ reason: String(error) }, 'Starting on a store that lacks acknowledged events, as ordered');
  }
};

/** Fills the memory of recent ids from the end of the log, so that repeats are recognised across a restart. */
const rememberRecent = (storage: EventStorage, ids: RecentIds): void => {
  const { end } = storage.logEnd;
  const cursor = new BackwardLogCursor(storage, end);
  const identities: { readonly identity: string; readonly revision: number }[] = [];
  for (let page = cursor.nextPage(256); page !== undefined; page = cursor.nextPage(256)) {
    for (const { identity, revision } of page) identities.push({ identity, revision });
    const oldest = page.at(-1);
    if (identities.length >= REMEMBERED_EVENTS || (oldest && end - oldest.position >= REMEMBERED_BYTES)) break;
  }
  for (const { identity, revision } of identities.toReversed()) ids.stage(identity, revision);
  ids.commit();
};

const bind = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const address = host.includes(':') ? `[${host}]` : host;
    server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });

const stopServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), STOP_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });

/**
 * Starts a node on a data directory. Resolves when it has recovered and listens.
 * @throws NotLoopback, DirectoryInUse, StoreBehindWitness, DamagedRecord, UnknownFormat, or what binding the port throws;
 *   nothing is left open then
 */
export const startNode = async (options: NodeOptions): Promise<EventStoreNode> => {
  const { dir, host = '127.0.0.1', logger = silentLogger } = options;
  if (!loopback.has(host)) throw new NotLoopback(host);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const unlock = lockDirectory(dir);
  const undo: (() => unknown)[] = [unlock];
  try {
    return await startOn(options, host, logger, undo);
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
};

const startOn = async (
  options: NodeOptions,
  host: string,
  logger: Logger,
  undo: (() => unknown)[],
): Promise<EventStoreNode> => {
  const { dir } = options;
  const storage = (options.openStorage ?? openLmdb)(dir);
  undo.push(() => storage.close());
  checkStore(storage, options, logger);
  const witness = Witness.open(dir, storage.logEnd);
  undo.push(() => witness.close());

  const health = new HealthState((current) => {
    if (current.status === 'ok') logger.info({}, 'The event store is healthy again');
    else logger.error({ reason: current.reason }, `The event store is ${current.status}`);
    options.onHealth?.(current);
  });
  const reportDamage = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof DamagedRecord) health.isDamaged(reason);
    else logger.error({ reason }, 'A call failed');
  };
  const commitFailed = (error: CommitFailed): void => {
    if (error.isDiskFull) {
      health.diskIsFull(error.message);
      return;
    }
    // After a failed sync nobody knows what the disk has: it is never retried and then believed.
    health.hasFailed(error.message);
    void close();
  };

  const heads = new Heads(storage);
  const ids = new RecentIds();
  try {
    rememberRecent(storage, ids);
  } catch (error) {
    // What is damaged before the end of the log must not keep the rest from being served.
    reportDamage(error);
  }
  const signals = new CommitSignals();
  const openCalls = new Set<OpenCall>();
  const writer = new Writer(storage, heads, ids, {
    durable: (group) => {
      witness.note(group);
      health.wrote();
    },
    committed: (changed) => signals.notify(changed.keys()),
    commitFailed,
    undecidable: reportDamage,
  });
  const maxAppendBytes = options.maxAppendBytes ?? DEFAULT_MAX_APPEND_BYTES;
  const context: NodeContext = { storage, heads, writer, signals, openCalls, maxAppendBytes, reportDamage };

  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
  });
  let port = options.port ?? 0;
  server.addService(streamsService, {
    append: append(context),
    batchAppend: batchAppend(context),
    read: read(context),
    delete: deleteStream(context, 'delete'),
    tombstone: deleteStream(context, 'tombstone'),
  });
  server.addService(gossipService, { read: gossip(() => ({ host, port })) });
  server.addService(serverFeaturesService, { getSupportedMethods: serverFeatures });
  port = await bind(server, host, port);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      const stopped = stopServer(server);
      await writer.close('The node stops.');
      for (const call of openCalls) call.abort(cancelled('The node stops.'));
      await stopped;
      for (const step of undo.toReversed()) await step();
    })();
    return closing;
  };
  logger.info(
    { dir, host, port, events: storage.logEnd.ordinal },
    'The embedded event store listens. It is not EventStoreDB',
  );
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return { url: `esdb://${shownHost}:${port}?tls=false`, port, health: () => health.current, close };
};
