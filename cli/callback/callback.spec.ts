import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { buildProgram } from '../../test/support/built-program.js';
import { nextAfter, retryAfterMs, waitMs, type Attempt } from './retry-schedule.js';
import { newCallbackId, sendCallback, sendWaiting, type SendOptions } from './send-callback.js';

const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('a callback that is sent', () => {
  let directory: string;
  let server: Server;
  let url: string;
  let received: Received[];
  let answer: (response: ServerResponse, attempt: number) => void;
  let waits: number[];
  let nowMs: number;

  beforeAll(buildProgram, 150_000);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mc-callback-'));
    received = [];
    waits = [];
    nowMs = Date.now();
    answer = (response) => response.end('{"success":true}');
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
        answer(response, received.length);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/callbacks/build-bot`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  });

  const options = (over: Partial<SendOptions> = {}): SendOptions & { readonly spoolDirectory: string } => ({
    url,
    secret,
    spoolDirectory: directory,
    surroundings: {
      nowMs: () => nowMs,
      random: () => 0.999_999,
      pause: (ms) => {
        waits.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    },
    ...over,
    ...(over.spoolDirectory === undefined ? {} : { spoolDirectory: over.spoolDirectory }),
  });
  const completed = { type: 'task.completed', data: { taskId: 7, summary: 'Zoë 🚀' } } as const;

  it('verifies with the reference library, and leaves nothing behind', async () => {
    const outcome = await sendCallback(completed, options());
    expect(outcome).toMatchObject({ kind: 'delivered', attempts: 1, answer: { success: true } });
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject(completed);
    expect(headers['content-type']).toBe('application/json');
    expect(await readdir(directory)).toEqual([]);
  });

  it('is repeated with the same id and bytes, a new time and signature, until it is taken', async () => {
    answer = (response, attempt) => {
      if (attempt === 1) response.destroy();
      else if (attempt === 2) response.writeHead(503, { 'retry-after': '7' }).end();
      else if (attempt === 3) response.writeHead(429).end();
      else response.end('{}');
    };
    expect(await sendCallback(completed, options())).toMatchObject({ kind: 'delivered', attempts: 4 });
    expect(waits).toEqual([999, 7_000, 3_999]);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBeGreaterThan(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-signature'])).size).toBeGreaterThan(1);
  });

  it('is on disk before it is sent', async () => {
    let kept: readonly string[] = [];
    const fetchAfterLook: typeof fetch = async (...args) => {
      kept = await readdir(directory);
      return fetch(...args);
    };
    const given = options();
    await sendCallback(completed, {
      ...given,
      id: 'cb_1',
      surroundings: { ...given.surroundings, fetch: fetchAfterLook },
    });
    expect(kept).toEqual(['cb_1.callback.json']);
  });

  it('waits on disk when it is given up, says so, and goes out with the next flush, the same to the byte', async () => {
    answer = (response) => response.writeHead(503).end();
    const outcome = await sendCallback(completed, { ...options(), giveUpAfterMs: 60_000 });
    expect(outcome).toMatchObject({ kind: 'gave_up', last: { kind: 'answered', status: 503 } });
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(60_000);
    const [first] = received;
    received = [];
    answer = (response) => response.end('{}');
    expect(await sendWaiting(options())).toEqual([expect.objectContaining({ kind: 'delivered' })]);
    expect(received.map(({ body, headers }) => [body, headers['webhook-id']])).toEqual([
      [first?.body, first?.headers['webhook-id']],
    ]);
    expect(await sendWaiting(options())).toEqual([]);
  });

  it('is set aside when it is refused for good, and not sent again', async () => {
    answer = (response) => response.writeHead(409).end('{"error":"Task is already done"}');
    expect(await sendCallback(completed, { ...options(), id: 'cb_2' })).toMatchObject({ kind: 'refused', status: 409 });
    expect(await readdir(directory)).toEqual(['cb_2.refused.json']);
    expect(await sendWaiting(options())).toEqual([]);
    expect(received).toHaveLength(1);
  });

  it('does not stand behind a file that somebody broke', async () => {
    await writeFile(join(directory, 'x.callback.json'), '{"url":');
    answer = (response) => response.writeHead(503).end();
    await sendCallback(completed, { ...options(), giveUpAfterMs: 0 });
    answer = (response) => response.end('{}');
    const unreadable: string[] = [];
    expect(await sendWaiting(options(), (name) => unreadable.push(name))).toHaveLength(1);
    expect(unreadable).toEqual(['x.callback.json']);
  });

  it('is not sent to where a redirect points', async () => {
    answer = (response) => response.writeHead(307, { location: `${url}/elsewhere` }).end();
    expect(await sendCallback(completed, options())).toMatchObject({ kind: 'refused', status: 307 });
    expect(received).toHaveLength(1);
  });

  it('needs a secret that is one', async () => {
    await expect(sendCallback(completed, options({ secret: 'hunter2' }))).rejects.toThrow('whsec_');
  });

  it('has a command that does all this', async () => {
    const run = (...args: readonly string[]) =>
      new Promise<{ code: number; printed: string }>((resolve) => {
        const env = { PATH: process.env['PATH'], MC_CALLBACK_SECRET: secret, MC_CALLBACK_URL: url };
        execFile(process.execPath, ['dist/cli/callback.js', ...args], { env }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), printed: stdout + stderr }),
        );
      });
    const spool = ['--spool', directory];
    expect(await run('--help')).toMatchObject({ code: 0 });
    expect(await run('completed', '--task', '7', '--summary', 'done', ...spool)).toMatchObject({ code: 0 });
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ type: 'task.completed', data: { taskId: 7 } });
    answer = (response) => response.writeHead(503).end();
    expect(await run('progress', '--message', 'hm', '--give-up-after', '0', ...spool)).toMatchObject({ code: 75 });
    answer = (response) => response.writeHead(401).end('{"error":"Invalid signature"}');
    expect(await run('flush', ...spool)).toMatchObject({ code: 1 });
    expect(await run('failed', '--task', 'x', '--error', 'e', ...spool)).toMatchObject({ code: 2 });
    expect(await run('finished')).toMatchObject({ code: 2 });
  });
});

describe('the schedule', () => {
  const answered = (status: number, asked?: number): Attempt => ({ kind: 'answered', status, retryAfterMs: asked });

  it.each([
    [200, 'delivered'],
    [204, 'delivered'],
    [301, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [404, 'refused'],
    [408, 'again'],
    [409, 'refused'],
    [425, 'again'],
    [429, 'again'],
    [500, 'again'],
    [503, 'again'],
  ] as const)('%i is %s', (status, next) => {
    expect(nextAfter(answered(status))).toBe(next);
  });

  it('never waits less than it was asked to, nor more than five minutes unasked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.option(fc.nat({ max: 10_000_000 }), { nil: undefined }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (attempts, asked, random) => {
          const wait = waitMs(attempts, answered(503, asked), random);
          expect(wait).toBeGreaterThanOrEqual(asked ?? 0);
          expect(wait).toBeLessThanOrEqual(Math.max(asked ?? 0, 300_000));
        },
      ),
    );
  });

  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 5_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['soon', undefined],
    [null, undefined],
  ])('reads Retry-After %j', (header, expected) => {
    expect(retryAfterMs(header, 5_000)).toBe(expected);
  });

  it('makes ids that a receiver takes, never the same', () => {
    const ids = Array.from({ length: 100 }, newCallbackId);
    expect(ids.every((id) => /^[A-Za-z0-9_-]{1,256}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(100);
  });
});
