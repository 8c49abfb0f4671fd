import protobuf from 'protobufjs';

/**
 * The request messages of EventStoreDB's protocol that this node understands: field numbers and oneofs only,
 * written from the protocol facts. Answers are not listed: they are written as finished bytes.
 */
const requestMessages = `
syntax = "proto3";

message Empty {}
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message StreamIdentifier { bytes stream_name = 3; }
message StructuredUuid { int64 msb = 1; int64 lsb = 2; }
message Uuid { oneof value { StructuredUuid structured = 1; string text = 2; } }
message LogPosition { uint64 commit = 1; uint64 prepare = 2; }

message ProposedMessage {
  Uuid id = 1;
  map<string, string> metadata = 2;
  bytes custom_metadata = 3;
  bytes data = 4;
}
message Target {
  StreamIdentifier stream_identifier = 1;
  oneof expected { uint64 revision = 2; Empty no_stream = 3; Empty any = 4; Empty stream_exists = 5; }
}

message AppendReq { oneof content { Target options = 1; ProposedMessage proposed_message = 2; } }
message DeleteReq { Target options = 1; }

message BatchAppendOptions {
  StreamIdentifier stream_identifier = 1;
  oneof expected { uint64 revision = 2; Empty no_stream = 3; Empty any = 4; Empty stream_exists = 5; }
  oneof limit { Timestamp deadline_at = 6; Duration deadline_in = 7; }
}
message BatchAppendReq {
  Uuid correlation_id = 1;
  BatchAppendOptions options = 2;
  repeated ProposedMessage proposed_messages = 3;
  bool is_final = 4;
}

message ReadStreamOptions {
  StreamIdentifier stream_identifier = 1;
  oneof from { uint64 revision = 2; Empty start = 3; Empty end = 4; }
}
message ReadAllOptions { oneof from { LogPosition position = 1; Empty start = 2; Empty end = 3; } }
message FilterExpression { string regex = 1; repeated string prefix = 2; }
message FilterOptions {
  oneof subject { FilterExpression stream_identifier = 1; FilterExpression event_type = 2; }
  oneof window { uint32 max = 3; Empty count = 4; }
  uint32 checkpoint_interval_multiplier = 5;
}
message UuidOption { oneof content { Empty structured = 1; Empty text = 2; } }
message ReadOptions {
  oneof source { ReadStreamOptions stream = 1; ReadAllOptions all = 2; }
  int32 read_direction = 3;
  bool resolve_links = 4;
  oneof amount { uint64 count = 5; Empty subscription = 6; }
  oneof filtering { FilterOptions filter = 7; Empty no_filter = 8; }
  UuidOption uuid_option = 9;
}
message ReadReq { ReadOptions options = 1; }
`;

const { root } = protobuf.parse(requestMessages);

/** A 64-bit integer as protobufjs hands it over: two 32-bit halves, so that nothing is lost. */
export interface Int64Halves {
  readonly low: number;
  readonly high: number;
}

export interface UuidMessage {
  readonly value?: 'structured' | 'text';
  readonly structured?: { readonly msb: Int64Halves; readonly lsb: Int64Halves } | null;
  readonly text?: string | null;
}

export interface StreamIdentifierMessage {
  readonly streamName: Uint8Array;
}

export interface ProposedMessage {
  readonly id?: UuidMessage | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly customMetadata: Uint8Array;
  readonly data: Uint8Array;
}

export interface TargetMessage {
  readonly streamIdentifier?: StreamIdentifierMessage | null;
  readonly expected?: 'revision' | 'noStream' | 'any' | 'streamExists';
  readonly revision?: Int64Halves | null;
}

export interface AppendReq {
  readonly content?: 'options' | 'proposedMessage';
  readonly options?: TargetMessage | null;
  readonly proposedMessage?: ProposedMessage | null;
}

export interface DeleteReq {
  readonly options?: TargetMessage | null;
}

export interface BatchAppendOptions extends TargetMessage {
  readonly limit?: 'deadlineAt' | 'deadlineIn';
  readonly deadlineAt?: { readonly seconds: Int64Halves; readonly nanos: number } | null;
  readonly deadlineIn?: { readonly seconds: Int64Halves; readonly nanos: number } | null;
}

export interface BatchAppendReq {
  readonly correlationId?: UuidMessage | null;
  readonly options?: BatchAppendOptions | null;
  readonly proposedMessages: readonly ProposedMessage[];
  readonly isFinal: boolean;
}

export interface FilterOptions {
  readonly subject?: 'streamIdentifier' | 'eventType';
  readonly streamIdentifier?: { readonly regex: string; readonly prefix: readonly string[] } | null;
  readonly eventType?: { readonly regex: string; readonly prefix: readonly string[] } | null;
  readonly window?: 'max' | 'count';
  readonly max?: number;
  readonly checkpointIntervalMultiplier: number;
}

export interface ReadOptions {
  readonly source?: 'stream' | 'all';
  readonly stream?: {
    readonly streamIdentifier?: StreamIdentifierMessage | null;
    readonly from?: 'revision' | 'start' | 'end';
    readonly revision?: Int64Halves | null;
  } | null;
  readonly all?: {
    readonly from?: 'position' | 'start' | 'end';
    readonly position?: { readonly commit: Int64Halves; readonly prepare: Int64Halves } | null;
  } | null;
  readonly readDirection: number;
  readonly resolveLinks: boolean;
  readonly amount?: 'count' | 'subscription';
  readonly count?: Int64Halves | null;
  readonly filtering?: 'filter' | 'noFilter';
  readonly filter?: FilterOptions | null;
  readonly uuidOption?: { readonly content?: 'structured' | 'text' } | null;
}

export interface ReadReq {
  readonly options?: ReadOptions | null;
}

const decoderOf = (name: string): ((bytes: Buffer) => unknown) => {
  const type = root.lookupType(name);
  return (bytes) => type.decode(bytes);
};

/** Each decodes one request message. @throws when the bytes are no protobuf */
export const decodeAppendReq = decoderOf('AppendReq') as (bytes: Buffer) => AppendReq;
export const decodeBatchAppendReq = decoderOf('BatchAppendReq') as (bytes: Buffer) => BatchAppendReq;
export const decodeDeleteReq = decoderOf('DeleteReq') as (bytes: Buffer) => DeleteReq;
export const decodeReadReq = decoderOf('ReadReq') as (bytes: Buffer) => ReadReq;
