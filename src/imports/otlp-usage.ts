import { Attributes, durationOf, type Fields, instantOf, isObject, objectsIn, textOf } from './otlp-values.js';
import { recordId } from './record-id.js';
import { reportedCost } from './reported-cost.js';
import type { ImportedUsage } from './usage-record.js';

/** What an export of logs or spans says about usage. */
export interface OtlpUsage {
  readonly usage: readonly ImportedUsage[];
  /** Why a record about usage is not taken, one for each. */
  readonly refused: readonly string[];
  /** How many records are about something else. */
  readonly ignored: number;
}

export type OtlpSignal = 'logs' | 'traces';

type Mapped = ImportedUsage | { readonly refused: string } | undefined;

/** One log record or span, with what stands around it. */
interface Entry {
  readonly fields: Fields;
  readonly own: Attributes;
  readonly resource: Attributes;
  readonly scope: string;
  readonly agentByDefault: string | undefined;
}

const CLAUDE_CODE_REQUEST = 'claude_code.api_request';
const GEN_AI_DETAILS = 'gen_ai.client.inference.operation.details';
/** The operations that are one request to a model; a span of an agent or a workflow sums up those inside it. */
const REQUESTS = new Set(['chat', 'text_completion', 'generate_content', 'embeddings']);

const INPUT = ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'] as const;
const OUTPUT = ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'] as const;
const CACHE_READ = ['gen_ai.usage.cache_read.input_tokens', 'gen_ai.usage.cache_read_input_tokens'] as const;
const CACHE_WRITE = ['gen_ai.usage.cache_creation.input_tokens', 'gen_ai.usage.cache_creation_input_tokens'] as const;

const MAX_TOKENS = BigInt(Number.MAX_SAFE_INTEGER);

/** What an exporter sends is read here; undefined: it is no export of this signal. `agentByDefault`: where it names none. */
export function readOtlp(body: unknown, signal: OtlpSignal, agentByDefault: string | undefined): OtlpUsage | undefined {
  const resources = isObject(body) ? (body[signal === 'logs' ? 'resourceLogs' : 'resourceSpans'] ?? []) : undefined;
  if (!Array.isArray(resources)) return undefined;
  const mapped = entriesOf(resources, signal, agentByDefault).map(signal === 'logs' ? usageOfLog : usageOfSpan);
  return {
    usage: mapped.filter((each): each is ImportedUsage => each !== undefined && !('refused' in each)),
    refused: mapped.flatMap((each) => (each !== undefined && 'refused' in each ? [each.refused] : [])),
    ignored: mapped.filter((each) => each === undefined).length,
  };
}

function entriesOf(resources: readonly unknown[], signal: OtlpSignal, agentByDefault: string | undefined): Entry[] {
  const isLogs = signal === 'logs';
  return objectsIn(resources).flatMap((group) => {
    const resource = new Attributes(isObject(group['resource']) ? group['resource']['attributes'] : undefined);
    return objectsIn(group[isLogs ? 'scopeLogs' : 'scopeSpans']).flatMap((scoped) => {
      const name = isObject(scoped['scope']) ? scoped['scope']['name'] : undefined;
      const scope = typeof name === 'string' ? name : '';
      return objectsIn(scoped[isLogs ? 'logRecords' : 'spans']).map((fields) => ({
        fields,
        own: new Attributes(fields['attributes']),
        resource,
        scope,
        agentByDefault,
      }));
    });
  });
}

function usageOfLog(entry: Entry): Mapped {
  const { fields, own, scope } = entry;
  const event = own.text('event.name');
  const names = [fields['eventName'], textOf(fields['body']), event];
  const isShort = event === 'api_request' && scope.startsWith('com.anthropic.claude_code');
  if (isShort || names.includes(CLAUDE_CODE_REQUEST)) return claudeCodeRequest(entry);
  if (!names.includes(GEN_AI_DETAILS)) return undefined;
  return modelRequest(entry, instantOf(fields['timeUnixNano']) ?? instantOf(fields['observedTimeUnixNano']), undefined);
}

function usageOfSpan(entry: Entry): Mapped {
  const { startTimeUnixNano: start, endTimeUnixNano: end } = entry.fields;
  return modelRequest(entry, instantOf(end) ?? instantOf(start), durationOf(start, end));
}

/** Its input holds no cached tokens. The metrics beside it hold the same usage again, and are never taken. */
function claudeCodeRequest(entry: Entry): Mapped {
  const { own, resource, fields } = entry;
  const session = own.text('session.id') ?? resource.text('session.id');
  const sequence = own.integer('event.sequence');
  if (session === undefined) return { refused: 'session.id is missing' };
  if (sequence === undefined || sequence === null) return { refused: 'event.sequence is missing or no integer' };
  const agent = agentOf(entry);
  if (typeof agent !== 'string') return agent;
  const cost = reportedCost(own.decimal('cost_usd'));
  const duration = own.integer('duration_ms');
  const timestamp = instantOf(fields['timeUnixNano']) ?? own.text('event.timestamp');
  return record(own.text('model'), {
    // A session that is taken up again counts from the start: the time tells its requests from the first ones.
    eventId: recordId('claude-code-event', session, sequence.toString(), ...(timestamp ? [String(timestamp)] : [])),
    sessionId: `${agent}:${session}`,
    counts: {
      input_tokens: own.integer('input_tokens'),
      output_tokens: own.integer('output_tokens'),
      cache_read_tokens: orZero(own.integer('cache_read_tokens')),
      cache_creation_tokens: orZero(own.integer('cache_creation_tokens')),
    },
    more: {
      ...given('timestamp', timestamp),
      ...given('duration', typeof duration === 'bigint' ? Number(duration) : undefined),
      ...given('reportedCostUsd', cost),
    },
  });
}

/** Its input holds the cached tokens; ours does not. */
function modelRequest(entry: Entry, timestamp: number | undefined, duration: number | undefined): Mapped {
  const { own, fields } = entry;
  const operation = own.text('gen_ai.operation.name');
  if (operation === undefined || !REQUESTS.has(operation) || !own.has(...INPUT, ...OUTPUT)) return undefined;
  const { traceId, spanId } = fields;
  if (!isHex(traceId, 32) || !isHex(spanId, 16)) return { refused: 'traceId and spanId are missing: no identity' };
  const agent = agentOf(entry);
  if (typeof agent !== 'string') return agent;
  const input = own.integer(...INPUT);
  const cacheRead = orZero(own.integer(...CACHE_READ));
  const cacheWrite = orZero(own.integer(...CACHE_WRITE));
  const output = own.integer(...OUTPUT);
  const isWhole = typeof input === 'bigint' && cacheRead !== null && cacheWrite !== null;
  const fresh = isWhole ? input - cacheRead - cacheWrite : input;
  if (isWhole && input >= 0n && input < cacheRead + cacheWrite) {
    return { refused: `input_tokens (${input}) is less than the cached tokens that it should include` };
  }
  return record(own.text('gen_ai.response.model', 'gen_ai.request.model'), {
    eventId: recordId('otel', traceId.toLowerCase(), spanId.toLowerCase()),
    sessionId: `${agent}:${own.text('gen_ai.conversation.id', 'session.id') ?? traceId.toLowerCase()}`,
    counts: {
      input_tokens: fresh,
      output_tokens: operation === 'embeddings' ? orZero(output) : output,
      cache_read: cacheRead,
      cache_creation: cacheWrite,
    },
    more: {
      operation,
      ...given('timestamp', timestamp),
      ...given('duration', duration),
      ...given('provider', own.text('gen_ai.provider.name', 'gen_ai.system')),
    },
  });
}

interface Parts {
  readonly eventId: string;
  readonly sessionId: string;
  /** Input, output, cache read and cache write, in this order. Undefined: missing; null: no integer. */
  readonly counts: Readonly<Record<string, bigint | null | undefined>>;
  readonly more: Partial<ImportedUsage>;
}

function record(model: string | undefined, { eventId, sessionId, counts, more }: Parts): Mapped {
  if (model === undefined) return { refused: 'the model is missing' };
  for (const [name, count] of Object.entries(counts)) {
    if (count === undefined) return { refused: `${name} is missing` };
    if (count === null || count < 0n || count > MAX_TOKENS) return { refused: `${name} is no count of tokens` };
  }
  const [inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0] =
    Object.values(counts).map(Number);
  return { eventId, model, sessionId, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, ...more };
}

/** Who used the tokens: as the record says, else its source, else the agent of the key, else the program. */
function agentOf({ own, resource, agentByDefault }: Entry): string | { readonly refused: string } {
  const agent =
    own.text('gen_ai.agent.name', 'agent.name') ??
    resource.text('gen_ai.agent.name', 'agent.name') ??
    agentByDefault ??
    resource.text('service.name');
  if (agent === undefined) return { refused: 'no agent is named: set the resource attribute agent.name' };
  return agent.includes(':') ? { refused: 'the name of an agent cannot hold a colon' } : agent.normalize('NFC');
}

/** An absent count is 0; one that is no integer stays a fault. */
function orZero(count: bigint | null | undefined): bigint | null {
  return count === undefined ? 0n : count;
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/i.test(value) && !/^0+$/.test(value);
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}
