import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { help, importTranscripts } from './import-transcripts.js';

const FIXTURES = 'test/fixtures/transcripts';

/** What the server answers, one call after the other; then 200 for everything. */
let script: { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }[];
let calls: { readonly url: string; readonly key: unknown; readonly records: readonly Record<string, unknown>[] }[];
let server: Server;
let url: string;

beforeEach(async () => {
  script = [];
  calls = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const records = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>[];
      calls.push({ url: request.url ?? '', key: request.headers['x-api-key'], records });
      const { status, body, headers } = script.shift() ?? { status: 200 };
      const results = records.map(({ eventId }) => ({ eventId, status: 200 }));
      response.writeHead(status, headers);
      response.end(body ?? JSON.stringify({ recorded: records.length, duplicates: 0, results }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function run(...args: string[]) {
  const printed: string[] = [];
  const complained: string[] = [];
  const waits: number[] = [];
  const code = await importTranscripts({
    args,
    environment: { MC_API_KEY: 'the-key', MC_URL: url },
    print: (text) => printed.push(text),
    complain: (text) => complained.push(text),
    rest: async (ms) => {
      waits.push(ms);
    },
  });
  return { code, printed, complained: complained.join('\n'), waits };
}

describe('the import of transcripts', () => {
  it('sends each request of a folder once, names broken lines and goes on', async () => {
    const { code, printed, complained } = await run('--agent', 'bot', FIXTURES);
    expect(code).toBe(3);
    expect(printed).toEqual([
      'read 2 files, 12 lines: 4 requests, 3 lines that repeat one, 2 broken lines',
      'recorded 4, known before 0, known with other content 0, refused 0',
    ]);
    expect(complained).toContain('session-a.jsonl:8: not JSON');
    expect(complained).toContain('session-a.jsonl:10: input_tokens is no count of tokens');
    expect(complained).toContain('sent 4 of 4');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ url: '/api/tokens?onError=skip', key: 'the-key' });
    expect(calls[0]?.records.map(({ eventId, outputTokens }) => [eventId, outputTokens])).toEqual([
      ['claude-code:msg_2:req_2', 90],
      ['claude-code:msg_4:req_4', 20],
      ['claude-code:msg_1:req_1', 312],
      ['claude-code:msg_3', 1],
    ]);
  });

  it('with --dry-run sends nothing', async () => {
    const { code, printed } = await run('--agent', 'bot', '--dry-run', `${FIXTURES}/project-b`);
    expect({ code, calls }).toEqual({ code: 0, calls: [] });
    expect(printed.at(-1)).toBe(`dry run: 2 records would be sent to ${url}`);
  });

  it('repeats the same batch while the server is away or busy, and waits as long as it asks', async () => {
    script = [
      { status: 503, body: 'no JSON' },
      { status: 429, body: '{}', headers: { 'retry-after': '7' } },
    ];
    const { code, waits } = await run('--agent', 'bot', `${FIXTURES}/project-b`);
    expect(code).toBe(0);
    expect(calls).toHaveLength(3);
    expect(calls[2]).toEqual(calls[0]);
    expect(waits[1]).toBe(7_000);
  });

  it('gives up after eight attempts', async () => {
    script = Array.from({ length: 8 }, () => ({ status: 503, body: '{"error":"away"}' }));
    const { code, complained, waits } = await run('--agent', 'bot', `${FIXTURES}/project-b`);
    expect([code, waits.length, calls.length]).toEqual([1, 7, 8]);
    expect(complained).toContain('given up after 8 attempts: 503 away');
  });

  it('stops at once when the call is refused, and says why', async () => {
    script = [{ status: 401, body: '{"error":"Authentication required"}' }];
    const { code, complained } = await run('--agent', 'bot', `${FIXTURES}/project-b`);
    expect([code, calls.length]).toEqual([1, 1]);
    expect(complained).toContain('401 Authentication required');
  });

  it('says what the server did not take', async () => {
    const results = [{ eventId: 'claude-code:msg_2:req_2', status: 409 }];
    const errors = [{ index: 1, errors: ['timestamp: must not be more than a day ahead'] }];
    script = [{ status: 409, body: JSON.stringify({ recorded: 0, duplicates: 0, results, errors }) }];
    const { code, complained } = await run('--agent', 'bot', `${FIXTURES}/project-b`);
    expect(code).toBe(3);
    expect(complained).toContain('not taken: claude-code:msg_4:req_4: timestamp: must not be more than a day ahead');
    expect(complained).toContain('recorded before with other content, which stands: claude-code:msg_2:req_2');
  });

  it('is no use against another server', async () => {
    script = [{ status: 200, body: '<html>' }];
    expect(await run('--agent', 'bot', `${FIXTURES}/project-b`)).toMatchObject({
      code: 1,
      complained: expect.stringContaining('no Mission Control'),
    });
  });

  it.each([
    [[], '--agent'],
    [['--agent', 'a:b', 'x'], 'colon'],
    [['--agent', 'bot'], 'at least one'],
    [['--agent', 'bot', '--url', 'ftp://x', 'x'], '--url'],
    [['--colour'], '--colour'],
  ])('does not understand %j', async (args, word) => {
    const { code, complained } = await run(...args);
    expect(code).toBe(2);
    expect(complained).toContain(word);
    expect(complained).toContain(help);
  });

  it('prints help, and fails for a path that is not there', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, printed: [help] });
    expect(await run('--agent', 'bot', 'no/such/path')).toMatchObject({
      code: 1,
      complained: expect.stringContaining('no/such/path'),
    });
  });
});
