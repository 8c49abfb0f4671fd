import { eventContract } from '../platform/event-store/event-contract.js';

/** The four disjoint buckets. Input holds neither cache reads nor cache writes. Their sum is at most 2^53-1. */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

/** What is known of one use of tokens. */
export interface UsageFacts extends TokenCounts {
  /** UUIDv5(workspace, eventId): the identity of the fact. */
  readonly id: string;
  readonly eventId: string;
  readonly model: string;
  readonly sessionId: string;
  /** The part of `sessionId` before the first colon. */
  readonly agentName: string;
  /** The agent that held the name when the report came in; null: nobody did. */
  readonly agentId: number | null;
  readonly operation: string;
  /** When it happened, ms since 1970. */
  readonly timestamp: number;
  readonly taskId: number | null;
  /** The task that the caller named when the workspace has none of that number. */
  readonly unknownTaskId?: number;
  readonly reasoningTokens?: number;
  readonly cacheWrite1hTokens?: number;
  readonly provider?: string;
  readonly serviceClass?: string;
  readonly durationMs?: number;
  /** The caller's own figure, a decimal string. Kept beside ours, never summed into it. */
  readonly reportedCostUsd?: string;
}

/**
 * Stream `usage-{shard}`: a report counts exactly once, for ever. `id` is derived from workspace and `eventId`, so the
 * shard and the claim are computable from the report alone.
 */
export interface TokenUsageReported {
  readonly type: 'TokenUsageReported';
  readonly data: UsageFacts & {
    /** Digest over the normalised content: the same id with another digest is a conflict. */
    readonly contentDigest: string;
  };
}

/** What a correction may set. */
export const correctableFields = [
  'model',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'cacheWrite1hTokens',
  'reasoningTokens',
] as const;
export type CorrectableField = (typeof correctableFields)[number];

/** In the stream of the report. The facts are those that hold from here on, so that nobody needs the history. */
export interface TokenUsageCorrected {
  readonly type: 'TokenUsageCorrected';
  readonly data: UsageFacts & {
    readonly reason: string;
    /** The fields that differ now, and what they were; absent there: they were not given. */
    readonly changes: readonly CorrectableField[];
    readonly previous: Partial<Pick<UsageFacts, CorrectableField>>;
  };
}

/** In the stream of the report, which stays claimed: it counts no more, and its id is never free again. */
export interface TokenUsageVoided {
  readonly type: 'TokenUsageVoided';
  readonly data: UsageFacts & { readonly reason: string };
}

export type TokenEvent = TokenUsageReported | TokenUsageCorrected | TokenUsageVoided;

const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const model = { type: 'string', minLength: 1, maxLength: 200 };
const reason = { type: 'string', minLength: 1, maxLength: 500 };

const facts = {
  id: { type: 'string' },
  eventId: { type: 'string', minLength: 1, maxLength: 220 },
  model,
  sessionId: { type: 'string', minLength: 1, maxLength: 512 },
  agentName: { type: 'string', minLength: 1, maxLength: 512 },
  agentId: { type: ['integer', 'null'] },
  operation: { type: 'string', minLength: 1, maxLength: 100 },
  timestamp: { type: 'integer' },
  taskId: { type: ['integer', 'null'] },
  unknownTaskId: { type: 'integer' },
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  reasoningTokens: count,
  cacheWrite1hTokens: count,
  provider: { type: 'string', minLength: 1, maxLength: 60 },
  serviceClass: { type: 'string', minLength: 1, maxLength: 40 },
  durationMs: { type: 'integer', minimum: 0 },
  reportedCostUsd: { type: 'string', pattern: '^\\d+(\\.\\d+)?$' },
};
const requiredFacts = [
  'id',
  'eventId',
  'model',
  'sessionId',
  'agentName',
  'agentId',
  'operation',
  'timestamp',
  'taskId',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
];

export const tokenEventContracts = [
  eventContract<TokenUsageReported>({
    type: 'TokenUsageReported',
    stream: 'usage-{shard}',
    description: 'Tokens were used. Each (workspace, eventId) stands in the log once.',
    producer: 'tokens, heartbeats',
    frame: 'token.reported',
    schema: {
      type: 'object',
      properties: { ...facts, contentDigest: { type: 'string' } },
      required: [...requiredFacts, 'contentDigest'],
      additionalProperties: false,
    },
  }),
  eventContract<TokenUsageCorrected>({
    type: 'TokenUsageCorrected',
    stream: 'usage-{shard}',
    description: 'A report was corrected: these facts hold instead.',
    producer: 'tokens',
    frame: 'token.corrected',
    schema: {
      type: 'object',
      properties: {
        ...facts,
        reason,
        changes: { type: 'array', items: { enum: correctableFields } },
        previous: {
          type: 'object',
          properties: {
            model,
            inputTokens: count,
            outputTokens: count,
            cacheReadTokens: count,
            cacheWriteTokens: count,
            cacheWrite1hTokens: count,
            reasoningTokens: count,
          },
          additionalProperties: false,
        },
      },
      required: [...requiredFacts, 'reason', 'changes', 'previous'],
      additionalProperties: false,
    },
  }),
  eventContract<TokenUsageVoided>({
    type: 'TokenUsageVoided',
    stream: 'usage-{shard}',
    description: 'A report was voided: it counts no more.',
    producer: 'tokens',
    frame: 'token.voided',
    schema: {
      type: 'object',
      properties: { ...facts, reason },
      required: [...requiredFacts, 'reason'],
      additionalProperties: false,
    },
  }),
];
