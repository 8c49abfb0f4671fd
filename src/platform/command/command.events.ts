import { eventContract } from '../event-store/event-contract.js';
import type { Json } from '../event-store/stored-event.js';

/** Stream `command-{uuid}`: an idempotency key was used for this request, and for no other. */
export interface CommandClaimed {
  readonly type: 'CommandClaimed';
  readonly data: { readonly route: string; readonly bodyDigest: string };
}

/** Stream `command-{uuid}`: what the first success answered; every repeat gets it again. */
export interface CommandAnswered {
  readonly type: 'CommandAnswered';
  readonly data: { readonly status: number; readonly body: Json };
}

export type CommandEvent = CommandClaimed | CommandAnswered;

export const commandEventContracts = [
  eventContract<CommandClaimed>({
    type: 'CommandClaimed',
    stream: 'command-{uuid}',
    description: 'An idempotency key was used, with the digest of the request that it stands for.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: { route: { type: 'string' }, bodyDigest: { type: 'string' } },
      required: ['route', 'bodyDigest'],
      additionalProperties: false,
    },
  }),
  eventContract<CommandAnswered>({
    type: 'CommandAnswered',
    stream: 'command-{uuid}',
    description: 'The first success of a keyed command was answered with this status and body.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: { status: { type: 'integer' }, body: {} },
      required: ['status', 'body'],
      additionalProperties: false,
    },
  }),
];
