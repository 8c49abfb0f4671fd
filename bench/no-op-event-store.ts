import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/minimal.js';

/**
 * A server that acknowledges batch appends without storing anything: what the same client and the same gRPC stack reach
 * when the store costs nothing. Only the append path of the protocol; answers are built by hand so that it is as cheap
 * as it can be. Prints its URL to the parent and ends when the parent does.
 */
const asIs = (bytes: Buffer): Buffer => bytes;

const streams: ServiceDefinition = {
  batchAppend: {
    path: '/event_store.client.streams.Streams/BatchAppend',
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

const features: ServiceDefinition = {
  getSupportedMethods: {
    path: '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

/** SupportedMethods { methods[1] { method_name[1], service_name[2] }, event_store_server_version[2] } */
function supportedMethods(): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32(10).fork().uint32(10).string('batchappend').uint32(18).string('event_store.client.streams.streams');
  writer.ldelim().uint32(18).string('0.0.0');
  return Buffer.from(writer.finish());
}

/** BatchAppendReq { correlation_id[1], options[2], proposed_messages[3], is_final[4] } */
function correlationOfFinal(request: Buffer): Uint8Array | undefined {
  const reader = protobuf.Reader.create(request);
  let correlation: Uint8Array | undefined;
  let isFinal = false;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) correlation = reader.bytes();
    else if (tag >>> 3 === 4) isFinal = reader.bool();
    else reader.skipType(tag & 7);
  }
  return isFinal ? correlation : undefined;
}

let position = 0;

/** BatchAppendResp { correlation_id[1], success[3] { current_revision[1], position[3] { commit[1], prepare[2] } } } */
function acknowledgement(correlation: Uint8Array): Buffer {
  position += 1;
  const writer = protobuf.Writer.create().uint32(10).bytes(correlation).uint32(26).fork().uint32(8).uint64(position);
  writer.uint32(26).fork().uint32(8).uint64(position).uint32(16).uint64(position).ldelim().ldelim();
  return Buffer.from(writer.finish());
}

const server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
server.addService(streams, {
  batchAppend: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (request: Buffer) => {
      const correlation = correlationOfFinal(request);
      if (correlation !== undefined) call.write(acknowledgement(correlation));
    });
    call.on('end', () => {
      call.end();
    });
    call.on('error', () => {
      call.end();
    });
  },
});
server.addService(features, {
  getSupportedMethods: (_: unknown, answer: (error: null, value: Buffer) => void) => {
    answer(null, supportedMethods());
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ url: `esdb://127.0.0.1:${port}?tls=false` });
});
process.on('disconnect', () => {
  server.forceShutdown();
});
