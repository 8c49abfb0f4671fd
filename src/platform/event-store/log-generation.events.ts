import { eventContract } from './event-contract.js';

/** Stream `log-generation`: names this log. Restoring a backup appends a new one, and ids of the old one are foreign. */
export interface LogGenerationStarted {
  readonly type: 'LogGenerationStarted';
  readonly data: { readonly generation: string };
}

export const logGenerationEventContracts = [
  eventContract<LogGenerationStarted>({
    type: 'LogGenerationStarted',
    stream: 'log-generation',
    description: 'A new generation of the log began; positions of older generations are foreign.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: { generation: { type: 'string', pattern: '^[0-9a-f]{8}$' } },
      required: ['generation'],
      additionalProperties: false,
    },
  }),
];
