import { eventContract } from '../event-store/event-contract.js';

/** Stream `sequence-{name}`: a block of integers was handed to one process (hi/lo). Gaps are fine, repeats never. */
export interface NumbersAllocated {
  readonly type: 'NumbersAllocated';
  readonly data: { readonly sequence: string; readonly from: number; readonly to: number };
}

/** Stream `number-{uuid}`: the number that a command with an idempotency key uses, however often it is repeated. */
export interface NumberReserved {
  readonly type: 'NumberReserved';
  readonly data: { readonly sequence: string; readonly number: number };
}

export const numberEventContracts = [
  eventContract<NumberReserved>({
    type: 'NumberReserved',
    stream: 'number-{uuid}',
    description: 'A keyed command took a number for what it creates; every repeat of the command uses it again.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: { sequence: { type: 'string' }, number: { type: 'integer', minimum: 1 } },
      required: ['sequence', 'number'],
      additionalProperties: false,
    },
  }),
  eventContract<NumbersAllocated>({
    type: 'NumbersAllocated',
    stream: 'sequence-{name}',
    description: 'A block of integers was given to one process, so that ids are unique over all replicas.',
    producer: 'platform',
    schema: {
      type: 'object',
      properties: {
        sequence: { type: 'string' },
        from: { type: 'integer', minimum: 1 },
        to: { type: 'integer', minimum: 1 },
      },
      required: ['sequence', 'from', 'to'],
      additionalProperties: false,
    },
  }),
];
