import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Application, startApplication } from '../support/application.js';

let application: Application;
/** How many hostile strings go through each text. */
const HOSTILE = Number(process.env['MC_HOSTILE_TEXTS'] ?? 300);
const AT_ONCE = 10;
beforeAll(async () => {
  application = await startApplication();
  for (const name of ['bob', 'eve', 'Build Bot']) {
    await application.call('POST', '/api/agents', { body: { name, role: 'dev' } });
  }
});

afterAll(async () => {
  await application.close();
});

type Options = Parameters<Application['call']>[2];
const call = (method: string, path: string, body?: unknown, options: Options = {}) =>
  application.call(method, path, { ...(body === undefined ? {} : { body }), ...options });
const create = (more: object = {}, options: Options = {}) =>
  call('POST', '/api/tasks', { title: 'Fix login', ...more }, options);
/** Facts that commands record; reactors may still be busy with what came before. */
const recorded = async () =>
  (await application.log())
    .filter(({ stream }) => !/^(security|reactor|notification|keyuse|prices|budget)/.test(stream))
    .map(({ stream, type }) => `${stream} ${type}`);

type Task = ReturnType<typeof JSON.parse>;

async function created(more: object = {}): Promise<Task> {
  const { status, body } = await create(more);
  expect([status, body.error, body.details]).toEqual([201, undefined, undefined]);
  return body.task;
}

const change = (task: Task, body: object, headers: Record<string, string> = {}) =>
  call('PUT', `/api/tasks/${task.id}`, body, { headers });

describe('the fields of a task', () => {
  const limits: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ['title', ['x', 'x'.repeat(500), '🚀'.repeat(500)], ['', 'x'.repeat(501), null, 5]],
    ['description', ['', 'x'.repeat(5_000)], ['x'.repeat(5_001), 5]],
    ['status', ['backlog', 'awaiting_owner', 'failed'], ['open', '', 5]],
    ['priority', ['critical', 'low'], ['urgent', 5]],
    ['assigned_to', ['x'.repeat(100)], ['x'.repeat(101), 5]],
    ['due_date', [0, 4_102_444_800], [-1, 4_102_444_801, 1.5, '5']],
    ['estimated_hours', [0, 0.25, 10_000], [-0.1, 10_000.1, '5']],
    ['actual_hours', [0, 10_000], [-1, 10_001]],
    ['outcome', ['success', 'failed', 'partial', 'abandoned'], ['done', 5]],
    ['error_message', ['x'.repeat(5_000)], ['x'.repeat(5_001)]],
    ['resolution', ['x'.repeat(5_000)], ['x'.repeat(5_001)]],
    ['feedback_rating', [1, 5], [0, 6, 2.5]],
    ['feedback_notes', ['x'.repeat(5_000)], ['x'.repeat(5_001)]],
    ['retry_count', [0, 2 ** 53 - 1], [-1, 1.5, 2 ** 53]],
    ['completed_at', [0, 4_102_444_800], [-1, 4_102_444_801]],
    ['tags', [[], Array.from({ length: 50 }, (_, i) => `t${i}`), ['x'.repeat(100)]], [['']]],
    ['tags', [['a']], [Array.from({ length: 51 }, () => 't'), ['x'.repeat(101)], 'a', [5]]],
    ['metadata', [{}, { implementation_repo: 'x'.repeat(200), code_location: 'x'.repeat(500) }], [[], 'a', 5]],
    ['metadata', [{ a: 'x'.repeat(65_000) }], [{ a: 'x'.repeat(65_536) }, { implementation_repo: '' }]],
    ['metadata', [{ free: 1 }], [{ implementation_repo: 'x'.repeat(201) }, { code_location: 'x'.repeat(501) }]],
  ];

  it.each(limits)(
    '%s is taken up to its limits and refused beyond, on create and on change',
    async (field, good, bad) => {
      const task = await created();
      for (const value of good) {
        expect(await created({ [field]: value })).toMatchObject({ [field]: value });
        const changed = await change(task, { [field]: value });
        expect([changed.status, changed.body.task?.[field]]).toEqual([200, value]);
      }
      const before = await recorded();
      for (const value of bad) {
        for (const answer of [await create({ [field]: value }), await change(task, { [field]: value })]) {
          expect([value, answer.status, answer.body.error]).toEqual([value, 400, 'Validation failed']);
          expect(answer.body.details[0]).toMatch(new RegExp(`^${field}`));
        }
      }
      expect(await recorded()).toEqual(before);
    },
  );

  it('are cleared by null where they are optional', async () => {
    const task = await created({
      description: 'd',
      assigned_to: 'bob',
      due_date: 5,
      estimated_hours: 1,
      tags: ['a'],
      metadata: { a: 1 },
      outcome: 'failed',
      feedback_rating: 2,
      retry_count: 4,
      completed_at: 7,
    });
    const nothing = { description: null, assigned_to: null, due_date: null, estimated_hours: null };
    const more = { tags: null, metadata: null, outcome: null, feedback_rating: null, retry_count: null };
    const { status, body } = await change(task, { ...nothing, ...more, completed_at: null });
    expect(status).toBe(200);
    expect(body.task).toMatchObject({
      ...nothing,
      status: 'inbox',
      tags: [],
      metadata: {},
      outcome: null,
      feedback_rating: null,
      retry_count: 0,
      completed_at: null,
    });
  });

  it('need a title: the contract’s own words', async () => {
    const { status, body } = await call('POST', '/api/tasks', {});
    expect([status, body]).toEqual([400, { error: 'Validation failed', details: ['title: Title is required'] }]);
  });

  it(`hold ${HOSTILE} hostile strings byte by byte, in title, description, and comments`, async () => {
    const text = fc
      .oneof(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
        fc.constantFrom(
          '\u202e',
          '\ufeff',
          '\u2028',
          "'; drop table tasks; --",
          '%00',
          '<script>',
          '\\u0000',
          '__proto__',
        ),
      )
      .map((value) => value.replaceAll(/[\0@]|\p{Surrogate}/gu, '·'));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (texts) => {
        const tasks = await Promise.all(texts.map((title) => created({ title, description: `d ${title}` })));
        const last = await Promise.all(
          tasks.map(({ id }, at) => call('POST', `/api/tasks/${id}/comments`, { content: texts[at] })),
        );
        for (const [at, { id }] of tasks.entries()) {
          const title = texts[at];
          const headers = last[at]?.headers;
          const { body } = await application.read(`/api/tasks/${id}`, headers);
          expect([body.task.title, body.task.description]).toEqual([title, `d ${title}`]);
          const comments = await application.read(`/api/tasks/${id}/comments`, headers);
          expect(comments.body.comments[0].content).toBe(title);
        }
        const list = await application.read(`/api/tasks?limit=${AT_ONCE}`, last.at(-1)?.headers);
        const titles = list.body.tasks.map((task: Task) => task.title);
        expect(titles.toSorted()).toEqual(texts.toSorted());
      }),
      { numRuns: Math.ceil(HOSTILE / AT_ONCE), endOnFailure: true },
    );
  }, 600_000);
});
