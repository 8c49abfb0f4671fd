import type { RequestContext } from '../http/request-context.js';

export type RefusedKind =
  | 'unknown_key'
  | 'key_in_query'
  | 'role_refused'
  | 'bad_ticket'
  | 'conflicting_credentials'
  | 'callback_refused'
  | 'webhook_target_refused';

export interface RefusalDetails {
  /** When the source is a known key; else the source is the client's address. */
  readonly credentialId?: string;
  /** One of few words; never what the caller sent. */
  readonly reason?: string;
}

/** Where refused access is noted. Cheap and without I/O: a flood of refusals passes through here. */
export abstract class RefusalJournal {
  abstract record(kind: RefusedKind, context: RequestContext, route?: string, details?: RefusalDetails): void;
}

/** For a program without a log to write to. */
export class SilentJournal extends RefusalJournal {
  record(): void {}
}
