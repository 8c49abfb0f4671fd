import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { EventStoreDBClient } from '@eventstore/db-client';
import { startEventStoreNode, type InProcessNode } from '../../support/event-store-node.js';
import { Wire } from './wire.js';

/** The server that the suite speaks to: the one behind EVENTSTORE_URL, else an embedded node started for this file. */
export interface Target {
  readonly url: string;
  readonly client: EventStoreDBClient;
  readonly wire: Wire;
  /** A stream name that no other test and no other run uses. */
  stream(subject?: string): string;
  /** The prefix that all stream names of this file begin with. */
  readonly prefix: string;
  /** A second client with a connection of its own; disposed after the file. `options` is added to the query. */
  anotherClient(options?: string): EventStoreDBClient;
}

const externalUrl = process.env['EVENTSTORE_URL'] ?? '';

/** True when the suite runs against the embedded node. */
export const isEmbedded = externalUrl === '';

/** A test that speaks the protocol below the client: only to an insecure node. Else it is skipped, and says so. */
export const wireIt = isEmbedded || /[?&]tls=false/i.test(externalUrl) ? it : skipped('needs an insecure node');

/** Registers start and stop of the target with the calling spec file. */
export function eventStoreTarget(): Target {
  const prefix = `contract${randomBytes(6).toString('hex')}`;
  const clients: EventStoreDBClient[] = [];
  let streams = 0;
  let node: InProcessNode | undefined;
  let url = externalUrl;
  let client: EventStoreDBClient | undefined;
  let wire: Wire | undefined;

  beforeAll(async () => {
    if (isEmbedded) {
      node = await startEventStoreNode();
      url = node.url;
    }
    client = connect(url);
    wire = new Wire(url);
    clients.push(client);
  });

  afterAll(async () => {
    wire?.close();
    await Promise.all(clients.map(dispose));
    await node?.close();
  });

  return {
    prefix,
    get url() {
      return url;
    },
    get client() {
      return started(client);
    },
    get wire() {
      return started(wire);
    },
    stream: (subject = 'stream') => `${prefix}-${subject}-${++streams}`,
    anotherClient: (options) => {
      const another = connect(options === undefined ? url : `${url}${url.includes('?') ? '&' : '?'}${options}`);
      clients.push(another);
      return another;
    },
  };
}

export function connect(url: string): EventStoreDBClient {
  return EventStoreDBClient.connectionString(url);
}

/** The client's own dispose waits for ever when a read was left before its end, so it is given a bound. */
export async function dispose(client: EventStoreDBClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1_000);
  });
  await Promise.race([client.dispose(), late]);
  clearTimeout(timer);
}

/** What only the embedded node can do. By URL it is skipped, and says so. */
export function describeEmbedded(name: string, reason: string, body: () => void): void {
  if (isEmbedded) {
    describe(name, body);
    return;
  }
  console.info(`skipped by URL: ${name} (${reason})`);
  describe.skip(`${name} (skipped by URL: ${reason})`, body);
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the target is not started yet: use it inside a test or hook');
  return value;
}

function skipped(reason: string): typeof it.skip {
  console.info(`skipped by URL: tests of the bare protocol (${reason})`);
  return it.skip;
}
