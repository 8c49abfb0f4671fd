import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { frameOf } from '../../src/live/frames/all.frames.js';
import { LiveHub, type LiveHubOptions } from '../../src/live/live-hub.js';
import { LiveMetrics } from '../../src/live/live-metrics.js';
import { LiveStreams } from '../../src/live/live-streams.js';
import { StreamSlots } from '../../src/live/stream-slots.js';
import type { Principal } from '../../src/platform/auth/principal.js';
import { Clock, SystemClock } from '../../src/platform/clock/clock.js';
import type { EventStore } from '../../src/platform/event-store/event-store.js';
import { Refusal } from '../../src/platform/http/errors.js';
import { LogTail, type LogTailOptions } from '../../src/platform/log-tail/log-tail.js';
import { quietLogger } from './quiet-logger.js';

export const GENERATION = '7f3a9c01';

export interface ReplicaOptions {
  readonly hub?: LiveHubOptions;
  readonly tail?: LogTailOptions;
  readonly slots?: { readonly perCredential: number; readonly perProcess: number };
  readonly generation?: string;
  readonly clock?: Clock;
  readonly isStillValid?: (principal: Principal) => Promise<boolean>;
  /** From the `x-test-principal` header's JSON over the defaults. */
  readonly port?: number;
}

/** One api process's event streams on a bare HTTP server, without the edge: who asks says what it may. */
export interface LiveReplica {
  readonly url: string;
  readonly hub: LiveHub;
  readonly tail: LogTail;
  readonly metrics: LiveMetrics;
  figure(name: string): Promise<number>;
  close(): Promise<void>;
}

export const viewer: Principal = {
  credentialId: 'key-1',
  via: 'header',
  role: 'viewer',
  scopes: [],
  workspaceId: 1,
  actor: { kind: 'key', id: 'key-1', name: 'test' },
};

/** The header that tells a replica who asks. */
export function as(principal: Partial<Omit<Principal, 'expiresAt'>> & { expiresAt?: string }): Record<string, string> {
  return { 'x-test-principal': JSON.stringify(principal) };
}

export async function liveReplica(store: EventStore, options: ReplicaOptions = {}): Promise<LiveReplica> {
  const registry = new Registry();
  const metrics = new LiveMetrics(registry);
  const clock = options.clock ?? new SystemClock();
  const tail = new LogTail(store, quietLogger, { proveEveryMs: 200, ...options.tail });
  const generation = { current: options.generation ?? GENERATION, isKnown: true };
  const hub = new LiveHub(
    {
      tail,
      store,
      generation,
      frameOf,
      clock,
      metrics,
      logger: quietLogger,
      isStillValid: options.isStillValid ?? (() => Promise.resolve(true)),
    },
    options.hub,
  );
  hub.start();
  tail.start();
  const slots = new StreamSlots(options.slots ?? { perCredential: 10_000, perProcess: 10_000 });
  const streams = new LiveStreams({ hub, tail, store, generation, slots, clock });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const query: Record<string, unknown> = {};
    for (const key of new Set(url.searchParams.keys())) {
      const values = url.searchParams.getAll(key);
      query[key] = values.length === 1 ? values[0] : values;
    }
    streams
      .prepare({ principal: principalOf(request.headers['x-test-principal']), headers: request.headers, query })
      .then((prepared) => {
        const headers = { 'x-from-a-hook': 'kept' };
        if (prepared.kind === 'stream') streams.begin(prepared, response, headers, 1);
        else streams.sendLater(response, headers, 1);
      })
      .catch((error: unknown) => {
        const refusal = error instanceof Refusal ? error : new Refusal(503, String(error));
        response.writeHead(refusal.status, refusal.headers).end(JSON.stringify({ error: refusal.message }));
      });
  });
  await listening(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api/events`,
    hub,
    tail,
    metrics,
    figure: async (name) => {
      const metric = await registry.getSingleMetric(name)?.get();
      return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN;
    },
    close: async () => {
      await hub.drain(500);
      await tail.stop();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function principalOf(header: string | readonly string[] | undefined): Principal {
  if (typeof header !== 'string') return viewer;
  const { expiresAt, ...given } = JSON.parse(header) as Partial<Principal> & { expiresAt?: string };
  return { ...viewer, ...given, ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }) };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
