import { randomUUID } from 'node:crypto';
import type { sendUnaryData } from '@grpc/grpc-js';
import { clusterInfo, supportedMethods } from '../wire/answers.js';

/** The server version whose behaviour the node follows. It is not that server: see docs/reference/embedded-event-store.md. */
export const REPORTED_VERSION = '24.6.0';

const STREAMS = 'event_store.client.streams.streams';

const methods = supportedMethods(REPORTED_VERSION, [
  { service: STREAMS, method: 'append' },
  { service: STREAMS, method: 'batchappend', features: ['deadline_duration'] },
  { service: STREAMS, method: 'delete' },
  { service: STREAMS, method: 'tombstone' },
  { service: STREAMS, method: 'read', features: ['position', 'events'] },
  { service: 'event_store.client.gossip.gossip', method: 'read' },
  { service: 'event_store.client.server_features.serverfeatures', method: 'getsupportedmethods' },
]);

/** `Gossip/Read`: a cluster of one, and it leads. */
export const gossip = (address: () => { host: string; port: number }) => {
  const id = randomUUID();
  return (_call: unknown, callback: sendUnaryData<Buffer>): void =>
    callback(null, clusterInfo({ id, ...address(), nowMs: Date.now() }));
};

/** `ServerFeatures/GetSupportedMethods`. */
export const serverFeatures = (_call: unknown, callback: sendUnaryData<Buffer>): void => callback(null, methods);
