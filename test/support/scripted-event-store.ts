import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import {
  Server,
  ServerCredentials,
  status,
  type ServerDuplexStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

export type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

/** What a scripted server does. Left out: the call is taken and never answered. */
export interface Script {
  batchAppend?(call: BatchCall): void;
  read?(call: ReadCall): void;
  /** `silent`: GetSupportedMethods never answers. `failing`: it fails with an error that the client caches for ever. */
  readonly features?: 'normal' | 'silent' | 'failing';
}

export interface ScriptedStore {
  readonly url: string;
  /** Calls seen so far. */
  readonly calls: { batchAppend: number; read: number };
  script: Script;
  /** Cuts every connection at once, as a killed server does; then listens again on the same port. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

/** A gRPC server that misbehaves exactly as a test says: what a real server does only on a bad day. */
export async function startScriptedStore(script: Script): Promise<ScriptedStore> {
  const store = { script, calls: { batchAppend: 0, read: 0 } };
  let server = newServer(store);
  const port = await bound(server, 0);
  return {
    url: `esdb://127.0.0.1:${String(port)}?tls=false`,
    calls: store.calls,
    get script() {
      return store.script;
    },
    set script(script: Script) {
      store.script = script;
    },
    drop: async () => {
      server.forceShutdown();
      server = newServer(store);
      await bound(server, port);
    },
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** A success answer to an append. */
export function appended(request: BatchAppendReq, revision: number): BatchAppendResp {
  const position = new shared.AllStreamPosition();
  position.setCommitPosition(String(revision)).setPreparePosition(String(revision));
  const success = new streams.BatchAppendResp.Success();
  success.setCurrentRevision(String(revision)).setPosition(position);
  return new streams.BatchAppendResp().setCorrelationId(request.getCorrelationId()).setSuccess(success);
}

export function confirmation(): ReadResp {
  const confirmed = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('scripted');
  return new streams.ReadResp().setConfirmation(confirmed);
}

export function checkpoint(commit: bigint, prepare: bigint): ReadResp {
  const reached = new streams.ReadResp.Checkpoint();
  reached.setCommitPosition(String(commit)).setPreparePosition(String(prepare));
  return new streams.ReadResp().setCheckpoint(reached);
}

export function caughtUp(): ReadResp {
  return new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
}

/** An event at a position; data and metadata are bytes, so that a test can break them. */
export function event(options: {
  readonly commit: bigint;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  readonly stream?: string;
}): ReadResp {
  const { commit, type, data, metadata, stream = 'scripted-1' } = options;
  const record = new streams.ReadResp.ReadEvent.RecordedEvent();
  record
    .setId(new shared.UUID().setString('0b8e1a52-5d0e-4c8e-9d5e-1f2a3b4c5d6e'))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)))
    .setStreamRevision(String(commit))
    .setCommitPosition(String(commit))
    .setPreparePosition(String(commit))
    .setData(Buffer.from(data))
    .setCustomMetadata(Buffer.from(metadata));
  record
    .getMetadataMap()
    .set('type', type)
    .set('content-type', 'application/json')
    .set('created', String(1_700_000_000_000 * 10_000));
  const read = new streams.ReadResp.ReadEvent().setEvent(record).setCommitPosition(String(commit));
  return new streams.ReadResp().setEvent(read);
}

function newServer(store: { readonly script: Script; readonly calls: { batchAppend: number; read: number } }): Server {
  const server = new Server();
  const implementation: UntypedServiceImplementation = {
    batchAppend: (call: BatchCall) => {
      store.calls.batchAppend++;
      call.on('error', () => undefined);
      store.script.batchAppend?.(call);
    },
    read: (call: ReadCall) => {
      store.calls.read++;
      call.on('error', () => undefined);
      store.script.read?.(call);
    },
    append: () => undefined,
    delete: () => undefined,
    tombstone: () => undefined,
  };
  server.addService(streamsGrpc.StreamsService, implementation);
  server.addService(featuresGrpc.ServerFeaturesService, {
    getSupportedMethods: (_: unknown, answer: (error: object | null, value?: unknown) => void) => {
      const behaviour = store.script.features ?? 'normal';
      if (behaviour === 'failing') answer({ code: status.INTERNAL, details: 'scripted' });
      if (behaviour === 'normal') answer(null, supportedMethods());
    },
  });
  return server;
}

function supportedMethods() {
  const method = new features.SupportedMethod();
  method
    .setServiceName('event_store.client.streams.streams')
    .setMethodName('batchappend')
    .addFeatures('deadline_duration');
  const supported = new features.SupportedMethods().setEventStoreServerVersion('24.6.0');
  supported.addMethods(method);
  return supported;
}

async function bound(server: Server, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${String(port)}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}
