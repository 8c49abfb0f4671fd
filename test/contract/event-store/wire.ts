import { randomUUID } from 'node:crypto';
import { credentials, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import gossipService from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import type gossip from '@eventstore/db-client/generated/gossip_pb.js';
import featureService from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendExpectedRevision } from '@eventstore/db-client';
import { eventually, within } from '../../support/eventually.js';

/**
 * The protocol below the client, spoken with the client's own generated messages: for what the client's API cannot say
 * (interleaved chunks, structured UUIDs, missing fields) and for the exact order of answers. Insecure single nodes only.
 */
export class Wire {
  readonly streams: streamsService.StreamsClient;
  private readonly gossip: gossipService.GossipClient;
  private readonly features: featureService.ServerFeaturesClient;

  constructor(url: string) {
    const [, host] = /^esdb:\/\/(?:[^@/]*@)?([^/?,]+)/.exec(url) ?? [];
    const address = host ?? '127.0.0.1:1';
    const limits = { 'grpc.max_receive_message_length': 17 * 1024 * 1024 };
    this.streams = new streamsService.StreamsClient(address, credentials.createInsecure(), limits);
    this.gossip = new gossipService.GossipClient(address, credentials.createInsecure());
    this.features = new featureService.ServerFeaturesClient(address, credentials.createInsecure());
  }

  close(): void {
    for (const client of [this.streams, this.gossip, this.features]) client.close();
  }

  readGossip(): Promise<gossip.ClusterInfo> {
    return new Promise((resolve, reject) => {
      this.gossip.read(new shared.Empty(), (error, info) => {
        if (error === null) resolve(info);
        else reject(error);
      });
    });
  }

  supportedMethods(): Promise<features.SupportedMethods> {
    return new Promise((resolve, reject) => {
      this.features.getSupportedMethods(new shared.Empty(), (error, methods) => {
        if (error === null) resolve(methods);
        else reject(error);
      });
    });
  }

  /** One classic append: the messages as they are, then the half-close. */
  append(messages: readonly streams.AppendReq[]): Promise<streams.AppendResp> {
    return new Promise((resolve, reject) => {
      const call = this.streams.append((error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
      for (const message of messages) call.write(message);
      call.end();
    });
  }

  /** Runs a read to its end. */
  async read(request: streams.ReadReq): Promise<streams.ReadResp[]> {
    const reading = this.openRead(request);
    await within('the end of a read', reading.ended);
    if (reading.error !== undefined) throw reading.error;
    return reading.answers;
  }

  openRead(request: streams.ReadReq): WireRead {
    return new WireRead(this.streams.read(request));
  }

  openBatch(): WireBatch {
    return new WireBatch(this.streams.batchAppend());
  }
}

/** An open read or subscription; keeps every answer in the order of arrival. */
export class WireRead {
  readonly answers: streams.ReadResp[] = [];
  readonly ended: Promise<void>;
  error: ServiceError | undefined;

  constructor(readonly call: ClientReadableStream<streams.ReadResp>) {
    this.ended = new Promise((resolve) => {
      call.on('data', (answer: streams.ReadResp) => this.answers.push(answer));
      call.on('error', (error: ServiceError) => {
        this.error = error;
        resolve();
      });
      call.on('end', resolve);
    });
  }

  /** What the answers were, in order: `confirmation`, `event`, `checkpoint`, `caughtUp`… */
  get kinds(): string[] {
    return this.answers.map(kindOf);
  }

  async until(awaited: string, condition: (kinds: readonly string[]) => boolean): Promise<void> {
    await eventually(awaited, () => condition(this.kinds) || this.error !== undefined);
    if (!condition(this.kinds)) throw new Error(`no ${awaited}`, { cause: this.error });
  }

  cancel(): void {
    this.call.cancel();
  }
}

/** An open batch stream; keeps every answer and how the stream ended. */
export class WireBatch {
  readonly answers: streams.BatchAppendResp[] = [];
  readonly ended: Promise<void>;
  error: ServiceError | undefined;

  constructor(private readonly call: ReturnType<streamsService.StreamsClient['batchAppend']>) {
    this.ended = new Promise((resolve) => {
      call.on('data', (answer: streams.BatchAppendResp) => this.answers.push(answer));
      call.on('error', (error: ServiceError) => {
        this.error = error;
        resolve();
      });
      call.on('end', resolve);
    });
  }

  send(chunk: streams.BatchAppendReq): void {
    this.call.write(chunk);
  }

  answersTo(correlation: string): streams.BatchAppendResp[] {
    return this.answers.filter((answer) => answer.getCorrelationId()?.getString().toLowerCase() === correlation);
  }

  /** The first answer of one correlation. */
  answerTo(correlation: string): Promise<streams.BatchAppendResp> {
    return eventually(`an answer to ${correlation}`, () => this.answersTo(correlation)[0]);
  }

  halfClose(): void {
    this.call.end();
  }

  cancel(): void {
    this.call.cancel();
  }
}

export function kindOf(answer: streams.ReadResp): string {
  const cases = streams.ReadResp.ContentCase;
  switch (answer.getContentCase()) {
    case cases.EVENT:
      return 'event';
    case cases.CONFIRMATION:
      return 'confirmation';
    case cases.CHECKPOINT:
      return 'checkpoint';
    case cases.STREAM_NOT_FOUND:
      return 'streamNotFound';
    case cases.CAUGHT_UP:
      return 'caughtUp';
    case cases.FELL_BEHIND:
      return 'fellBehind';
    default:
      return `other ${answer.getContentCase()}`;
  }
}

export function uuid(text: string): shared.UUID {
  return new shared.UUID().setString(text);
}

/** The two signed halves of a UUID, as older clients send it. */
export function structuredUuid(text: string): shared.UUID {
  const hex = text.replaceAll('-', '');
  const half = (digits: string): string => BigInt.asIntN(64, BigInt(`0x${digits}`)).toString();
  return new shared.UUID().setStructured(
    new shared.UUID.Structured()
      .setMostSignificantBits(half(hex.slice(0, 16)))
      .setLeastSignificantBits(half(hex.slice(16))),
  );
}

export function textOfStructured(id: shared.UUID): string {
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const parts = id.getStructured();
  if (parts === undefined) throw new Error('not a structured UUID');
  const hex = half(parts.getMostSignificantBits()) + half(parts.getLeastSignificantBits());
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function streamIdentifier(name: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(name, 'utf8').toString('base64'));
}

interface Proposed {
  readonly id?: shared.UUID | undefined;
  readonly type?: string | undefined;
  readonly contentType?: string | undefined;
  readonly data?: Uint8Array;
  readonly metadata?: Uint8Array;
}

const complete = (): Required<Pick<Proposed, 'id' | 'type' | 'contentType'>> => ({
  id: uuid(randomUUID()),
  type: 'wired',
  contentType: 'application/json',
});

/** A proposed message of a batch; a field given as undefined is left out. */
export function batchMessage(given: Proposed = {}): streams.BatchAppendReq.ProposedMessage {
  return filled(new streams.BatchAppendReq.ProposedMessage(), given);
}

/** A proposed message of a classic append; a field given as undefined is left out. */
export function appendMessage(given: Proposed = {}): streams.AppendReq {
  return new streams.AppendReq().setProposedMessage(filled(new streams.AppendReq.ProposedMessage(), given));
}

function filled<M extends streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage>(
  message: M,
  given: Proposed,
): M {
  const { id, type, contentType, data, metadata } = { ...complete(), ...given };
  if (id !== undefined) message.setId(id);
  if (type !== undefined) message.getMetadataMap().set('type', type);
  if (contentType !== undefined) message.getMetadataMap().set('content-type', contentType);
  message.setData(data ?? Buffer.from('{"wired":true}'));
  if (metadata !== undefined) message.setCustomMetadata(metadata);
  return message;
}

/** The first message of a classic append. */
export function appendOptions(stream: string | undefined, expected?: AppendExpectedRevision): streams.AppendReq {
  const options = new streams.AppendReq.Options();
  if (stream !== undefined) options.setStreamIdentifier(streamIdentifier(stream));
  if (expected === 'any') options.setAny(new shared.Empty());
  else if (expected === 'no_stream') options.setNoStream(new shared.Empty());
  else if (expected === 'stream_exists') options.setStreamExists(new shared.Empty());
  else if (expected !== undefined) options.setRevision(String(expected));
  return new streams.AppendReq().setOptions(options);
}

/** One chunk of a batch append. `to` only in the first chunk of a correlation. */
export function chunk(
  correlation: string,
  given: {
    readonly to?: { readonly stream?: string; readonly expected?: AppendExpectedRevision };
    readonly messages?: readonly streams.BatchAppendReq.ProposedMessage[];
    readonly isFinal: boolean;
  },
): streams.BatchAppendReq {
  const request = new streams.BatchAppendReq().setCorrelationId(uuid(correlation)).setIsFinal(given.isFinal);
  if (given.to !== undefined) request.setOptions(batchOptions(given.to.stream, given.to.expected));
  for (const message of given.messages ?? []) request.addProposedMessages(message);
  return request;
}

function batchOptions(
  stream: string | undefined,
  expected: AppendExpectedRevision | undefined,
): streams.BatchAppendReq.Options {
  const options = new streams.BatchAppendReq.Options();
  if (stream !== undefined) options.setStreamIdentifier(streamIdentifier(stream));
  if (expected === 'any') options.setAny(new shared.Empty());
  else if (expected === 'no_stream') options.setNoStream(new shared.Empty());
  else if (expected === 'stream_exists') options.setStreamExists(new shared.Empty());
  else if (expected !== undefined) options.setStreamPosition(String(expected));
  return options;
}

/** Name of the error detail in a batch answer, without its package; undefined for a success. */
export function detailOf(answer: streams.BatchAppendResp): string | undefined {
  if (!answer.hasError()) return undefined;
  return answer.getError()?.getDetails()?.getTypeName().replace('event_store.client.', '') ?? 'no details';
}

interface ReadGiven {
  readonly stream?: string;
  readonly from?: 'start' | 'end' | bigint | { readonly commit: bigint; readonly prepare: bigint };
  readonly backwards?: boolean;
  readonly resolveLinks?: boolean;
  readonly subscribe?: boolean;
  readonly count?: number;
  readonly filter?: {
    readonly on: 'stream' | 'type';
    readonly prefixes?: readonly string[];
    readonly regex?: string;
    readonly window?: number;
    readonly multiplier?: number;
  };
  readonly uuids?: 'string' | 'structured' | 'unsaid';
}

/** A read request: of a stream if one is named, else of $all. */
export function readRequest(given: ReadGiven): streams.ReadReq {
  const options = new streams.ReadReq.Options();
  const direction = streams.ReadReq.Options.ReadDirection;
  options.setReadDirection(given.backwards === true ? direction.BACKWARDS : direction.FORWARDS);
  options.setResolveLinks(given.resolveLinks ?? false);
  if (given.stream === undefined) options.setAll(allOptions(given.from ?? 'start'));
  else options.setStream(streamOptions(given.stream, given.from ?? 'start'));
  if (given.subscribe === true) options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
  else options.setCount(String(given.count ?? 1_000_000));
  if (given.filter === undefined) options.setNoFilter(new shared.Empty());
  else options.setFilter(filterOptions(given.filter));
  const uuids = given.uuids ?? 'string';
  if (uuids !== 'unsaid') {
    const option = new streams.ReadReq.Options.UUIDOption();
    if (uuids === 'string') option.setString(new shared.Empty());
    else option.setStructured(new shared.Empty());
    options.setUuidOption(option);
  }
  return new streams.ReadReq().setOptions(options);
}

function allOptions(from: NonNullable<ReadGiven['from']>): streams.ReadReq.Options.AllOptions {
  const options = new streams.ReadReq.Options.AllOptions();
  if (from === 'start') return options.setStart(new shared.Empty());
  if (from === 'end') return options.setEnd(new shared.Empty());
  const position = typeof from === 'bigint' ? { commit: from, prepare: from } : from;
  return options.setPosition(
    new streams.ReadReq.Options.Position()
      .setCommitPosition(String(position.commit))
      .setPreparePosition(String(position.prepare)),
  );
}

function streamOptions(stream: string, from: NonNullable<ReadGiven['from']>): streams.ReadReq.Options.StreamOptions {
  const options = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(streamIdentifier(stream));
  if (from === 'start') return options.setStart(new shared.Empty());
  if (from === 'end') return options.setEnd(new shared.Empty());
  return options.setRevision(String(typeof from === 'bigint' ? from : from.commit));
}

function filterOptions(filter: NonNullable<ReadGiven['filter']>): streams.ReadReq.Options.FilterOptions {
  const expression = new streams.ReadReq.Options.FilterOptions.Expression()
    .setRegex(filter.regex ?? '')
    .setPrefixList([...(filter.prefixes ?? [])]);
  const options = new streams.ReadReq.Options.FilterOptions().setCheckpointintervalmultiplier(filter.multiplier ?? 1);
  if (filter.on === 'stream') options.setStreamIdentifier(expression);
  else options.setEventType(expression);
  if (filter.window === undefined) options.setCount(new shared.Empty());
  else options.setMax(filter.window);
  return options;
}
