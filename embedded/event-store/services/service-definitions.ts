import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { decodeAppendReq, decodeBatchAppendReq, decodeDeleteReq, decodeReadReq } from '../wire/request-messages.js';

/** Answers are finished bytes already. */
const asItIs = (bytes: Buffer): Buffer => bytes;

const method = <Request>(
  path: string,
  requestDeserialize: (bytes: Buffer) => Request,
  streams: { request?: boolean; response?: boolean } = {},
): MethodDefinition<Request, Buffer> => ({
  path,
  requestStream: streams.request ?? false,
  responseStream: streams.response ?? false,
  requestSerialize: () => {
    throw new Error('The node serves; it does not call.');
  },
  requestDeserialize,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
});

const streams = '/event_store.client.streams.Streams';

export const streamsService = {
  append: method(`${streams}/Append`, decodeAppendReq, { request: true }),
  batchAppend: method(`${streams}/BatchAppend`, decodeBatchAppendReq, { request: true, response: true }),
  read: method(`${streams}/Read`, decodeReadReq, { response: true }),
  delete: method(`${streams}/Delete`, decodeDeleteReq),
  tombstone: method(`${streams}/Tombstone`, decodeDeleteReq),
} satisfies ServiceDefinition;

export const gossipService = {
  read: method('/event_store.client.gossip.Gossip/Read', asItIs),
} satisfies ServiceDefinition;

export const serverFeaturesService = {
  getSupportedMethods: method('/event_store.client.server_features.ServerFeatures/GetSupportedMethods', asItIs),
} satisfies ServiceDefinition;
