import type { ServiceError } from '@grpc/grpc-js';
import type { CommitSignals } from '../reader/commit-signals.js';
import type { EventStorage } from '../storage/event-storage.js';
import type { Heads } from '../writer/heads.js';
import type { Writer } from '../writer/writer.js';

/** A call that must be ended when the node stops. */
export interface OpenCall {
  abort(error: ServiceError): void;
}

/** What the services of one running node share. */
export interface NodeContext {
  readonly storage: EventStorage;
  readonly heads: Heads;
  readonly writer: Writer;
  readonly signals: CommitSignals;
  readonly openCalls: Set<OpenCall>;
  readonly maxAppendBytes: number;
  /** Something went wrong that is not the client's doing: remembered for the health, logged. */
  readonly reportDamage: (error: unknown) => void;
}
