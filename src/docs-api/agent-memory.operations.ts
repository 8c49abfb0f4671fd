import { atLeast, object, type Operation } from './operation.js';

const agent = object({ id: { type: 'integer' }, name: { type: 'string' }, role: { type: 'string' } });
const updated = { type: ['integer', 'null'], description: 'Unix seconds' };
const bytes = { type: 'integer', description: 'Bytes of UTF-8' };
const success = { const: true };
const message = { type: 'string' };
const memory = { type: 'string' };
const soul = { type: 'string' };

const bot = { id: 1, name: 'build-bot', role: 'developer' };

export const agentMemoryOperations: Readonly<Record<string, Operation>> = {
  'GET /api/agents/{id}/memory': {
    tag: 'Agents',
    summary: 'The working memory of an agent',
    query: [atLeast],
    answer: object({
      agent,
      working_memory: memory,
      source: { enum: ['database', 'none'] },
      updated_at: updated,
      size: bytes,
    }),
    example: {
      agent: bot,
      working_memory: 'branch: fix-login',
      source: 'database',
      updated_at: 1_767_225_600,
      size: 17,
    },
    failures: [404],
  },
  'PUT /api/agents/{id}/memory': {
    tag: 'Agents',
    summary: 'Set the working memory of an agent, or add to it',
    description: 'At most 512 KiB of UTF-8 altogether, else 413. `append` adds at the end, after a blank line.',
    body: {
      required: true,
      schema: object({ working_memory: memory, append: { type: 'boolean', default: false } }, ['working_memory']),
      example: { working_memory: 'branch: fix-login', append: true },
    },
    answer: object({ success, message, working_memory: memory, updated_at: updated, size: bytes }),
    example: {
      success: true,
      message: 'Working memory of build-bot appended',
      working_memory: 'branch: fix-login',
      updated_at: 1_767_225_600,
      size: 17,
    },
    failures: [404, 413],
  },
  'DELETE /api/agents/{id}/memory': {
    tag: 'Agents',
    summary: 'Empty the working memory of an agent',
    answer: object({ success, message, working_memory: { const: '' }, updated_at: updated }),
    example: {
      success: true,
      message: 'Working memory of build-bot cleared',
      working_memory: '',
      updated_at: 1_767_225_600,
    },
    failures: [404],
  },
  'GET /api/agents/{id}/soul': {
    tag: 'Agents',
    summary: 'Who an agent is told to be',
    query: [atLeast],
    answer: object({ agent, soul_content: soul, updated_at: updated }),
    example: { agent: bot, soul_content: 'You review code.', updated_at: 1_767_225_600 },
    failures: [404],
  },
  'PUT /api/agents/{id}/soul': {
    tag: 'Agents',
    summary: 'Set who an agent is told to be',
    description: 'null empties it.',
    body: {
      required: true,
      schema: object({ soul_content: { type: ['string', 'null'], maxLength: 50_000 } }, ['soul_content']),
      example: { soul_content: 'You review code.' },
    },
    answer: object({ success, message, agent, soul_content: soul, updated_at: updated }),
    example: {
      success: true,
      message: 'Soul of build-bot updated',
      agent: bot,
      soul_content: 'You review code.',
      updated_at: 1_767_225_600,
    },
    failures: [404],
  },
};
