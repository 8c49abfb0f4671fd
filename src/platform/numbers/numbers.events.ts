import { eventContract } from '../event-store/event-contract.js';

/** Stream `sequence-{name}`: a block of integers was handed to one process (hi/lo). Gaps are fine, repeats never. */
export interface NumbersAllocated {
  readonly type: 'NumbersAllocated';
  readonly data: { readonly sequence: string; readonly from: number; readonly to: number };
}

export const numberEventContracts = [
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
