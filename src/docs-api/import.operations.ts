import { object, type Operation, type Schema } from './operation.js';

const tag = 'Imports';
const list: Schema = { type: 'array', items: { type: 'object' } };
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const integer = (key: string, intValue: string) => ({ key, value: { intValue } });

const answer = (rejected: string): Schema =>
  object({
    partialSuccess: object({
      [rejected]: { type: 'string', description: 'How many records were not taken, as text' },
      errorMessage: { type: 'string', description: 'Why: the first ten' },
    }),
  });

const description =
  'The JSON encoding of OTLP/HTTP alone, uncompressed; protobuf and gzip are 415. Each record has an id of its own, so an export may be ' +
  'repeated. Records about something else are ignored and counted in `mc_otlp_records_total`. A record about usage that ' +
  'cannot be taken is counted in `partialSuccess`; the others are recorded.';

export const importOperations: Readonly<Record<string, Operation>> = {
  'POST /v1/logs': {
    tag,
    summary: 'OpenTelemetry logs: usage of Claude Code and of GenAI clients',
    command: 'plain',
    description: `${description} Taken: \`claude_code.api_request\` and \`gen_ai.client.inference.operation.details\`.`,
    body: {
      required: true,
      schema: object({ resourceLogs: list }),
      example: {
        resourceLogs: [
          {
            resource: { attributes: [text('agent.name', 'build-bot')] },
            scopeLogs: [
              {
                scope: { name: 'com.anthropic.claude_code.events' },
                logRecords: [
                  {
                    timeUnixNano: '1772359200123000000',
                    body: { stringValue: 'claude_code.api_request' },
                    attributes: [
                      text('session.id', '7b2e6a52-9d3f-4c35-8f0a-0a4b1f0f5c11'),
                      integer('event.sequence', '17'),
                      text('model', 'claude-sonnet-4-5-20250929'),
                      integer('input_tokens', '7'),
                      integer('output_tokens', '90'),
                      integer('cache_read_tokens', '16420'),
                      integer('cache_creation_tokens', '250'),
                      { key: 'cost_usd', value: { doubleValue: 0.0123 } },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    },
    answer: answer('rejectedLogRecords'),
    example: { partialSuccess: { rejectedLogRecords: '1', errorMessage: 'model is missing' } },
  },
  'POST /v1/traces': {
    tag,
    summary: 'OpenTelemetry spans: usage of GenAI clients',
    command: 'plain',
    description:
      `${description} Taken: spans whose \`gen_ai.operation.name\` is one request to a model (chat, text_completion, ` +
      'generate_content, embeddings). Their input tokens include the cached ones, which are subtracted.',
    body: {
      required: true,
      schema: object({ resourceSpans: list }),
      example: {
        resourceSpans: [
          {
            resource: { attributes: [text('agent.name', 'build-bot')] },
            scopeSpans: [
              {
                spans: [
                  {
                    traceId: '5b8efff798038103d269b633813fc60c',
                    spanId: 'eee19b7ec3c1b174',
                    startTimeUnixNano: '1772359200000000000',
                    endTimeUnixNano: '1772359201250000000',
                    attributes: [
                      text('gen_ai.operation.name', 'chat'),
                      text('gen_ai.provider.name', 'openai'),
                      text('gen_ai.response.model', 'gpt-4o'),
                      integer('gen_ai.usage.input_tokens', '1000'),
                      integer('gen_ai.usage.cache_read.input_tokens', '600'),
                      integer('gen_ai.usage.output_tokens', '50'),
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    },
    answer: answer('rejectedSpans'),
    example: {},
  },
};
