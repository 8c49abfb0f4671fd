import { eventContract } from '../event-store/event-contract.js';

/** Stream `reactor-{name}`, of which only the last events are kept: a reactor has dealt with everything up to here. */
export interface ReactorAdvanced {
  readonly type: 'ReactorAdvanced';
  readonly data: {
    readonly reactor: string;
    /** The two parts of a position, 16 hex digits each. */
    readonly commit: string;
    readonly prepare: string;
  };
}

const half = { type: 'string', pattern: '^[0-9a-f]{16}$' };

export const reactorEventContracts = [
  eventContract<ReactorAdvanced>({
    type: 'ReactorAdvanced',
    stream: 'reactor-{name}',
    description: 'A reactor has dealt with the log up to this position and starts after it next time.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: { reactor: { type: 'string', minLength: 1, maxLength: 100 }, commit: half, prepare: half },
      required: ['reactor', 'commit', 'prepare'],
      additionalProperties: false,
    },
  }),
];
