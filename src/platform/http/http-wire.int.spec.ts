import { connect, type AddressInfo } from 'node:net';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startHttpApp, testKeys } from '../../../test/support/http-app.js';
import { rulesOf } from '../auth/access-table.js';

@Controller()
class Echo {
  @Post('/api/echo')
  @HttpCode(200)
  echo(@Body() body: unknown) {
    return { length: JSON.stringify(body ?? null).length };
  }
}

const MIB = 1024 * 1024;
const rules = [
  ...rulesOf('/api/echo', { POST: { role: 'viewer' } }),
  ...rulesOf('/metrics', { GET: { role: 'viewer' } }),
];

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly closed: boolean;
}

describe('requests as bytes on a socket', () => {
  let app: NestFastifyApplication;
  let port: number;
  beforeAll(async () => {
    const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50 };
    app = await startHttpApp({ controllers: [Echo], rules, limits });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  afterAll(() => app.close());

  /** Sends the parts one after the other and reads the first answer; `closed` says whether the server hung up after it. */
  function exchange(...parts: readonly (string | Buffer)[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      let received = '';
      let answer: Omit<Answer, 'closed'> | undefined;
      const finish = (closed: boolean) => {
        clearTimeout(bound);
        socket.destroy();
        if (answer === undefined) reject(new Error(`no complete answer: ${received}`));
        else resolve({ ...answer, closed });
      };
      const bound = setTimeout(() => finish(false), 5_000);
      socket.on('data', (chunk) => {
        received += chunk.toString();
        answer ??= answerIn(received);
        if (answer !== undefined && !/connection: close/i.test(received)) finish(false);
      });
      socket.on('error', () => finish(true));
      socket.on('close', () => finish(true));
      for (const part of parts) socket.write(part);
    });
  }

  const head = (...lines: readonly string[]) =>
    ['POST /api/echo HTTP/1.1', 'Host: localhost', `x-api-key: ${testKeys.viewer}`, ...lines, '', ''].join('\r\n');

  it('a plain request works, chunked or not', async () => {
    expect(await exchange(head('Content-Length: 7'), '{"a":1}')).toEqual({
      status: 200,
      body: { length: 7 },
      closed: false,
    });
    const chunked = await exchange(head('Transfer-Encoding: chunked'), '7\r\n{"a":1}\r\n0\r\n\r\n');
    expect(chunked).toMatchObject({ status: 200, body: { length: 7 } });
  });

  it.each([
    ['x-api-key', testKeys.viewer],
    ['Authorization', `Bearer ${testKeys.viewer}`],
  ])('a repeated %s is 400, even with the same key', async (name, value) => {
    const lines = ['POST /api/echo HTTP/1.1', 'Host: localhost', `${name}: ${value}`, `${name}: ${value}`, '', ''];
    const answer = await exchange(lines.join('\r\n'));
    expect(answer).toMatchObject({ status: 400, body: { error: 'Conflicting credentials' } });
  });

  it.each([
    ['content length and transfer encoding', head('Content-Length: 2', 'Transfer-Encoding: chunked'), '0\r\n\r\n'],
    ['two content lengths', head('Content-Length: 2', 'Content-Length: 2'), '{}'],
    ['an unknown transfer encoding', head('Transfer-Encoding: xchunked'), '{}'],
    ['a folded header', head('X-A: 1\r\n 2'), ''],
    ['a bare line feed', 'POST /api/echo HTTP/1.1\nHost: localhost\n\n', ''],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002 hello\r\n\r\n', ''],
  ])('%s is 400 and the end of the connection', async (_, first, rest) => {
    const answer = await exchange(first, rest);
    expect(answer).toEqual({ status: 400, body: { error: expect.any(String) }, closed: true });
  });

  it('no Host is 400; HTTP/1.0 needs none', async () => {
    const without = await exchange(`POST /api/echo HTTP/1.1\r\nx-api-key: ${testKeys.viewer}\r\n\r\n`);
    expect(without).toMatchObject({ status: 400, body: { error: 'Host header is missing' } });
    const old = await exchange(`POST /api/echo HTTP/1.0\r\nx-api-key: ${testKeys.viewer}\r\n\r\n`);
    expect(old.status).toBe(200);
  });

  it('two Hosts are refused', async () => {
    expect(await exchange(head('Host: evil.example'))).toMatchObject({ status: 403 });
  });

  it('17 KiB of headers are 431, and so are 9 KiB of query', async () => {
    const headers = await exchange(head(`X-Long: ${'x'.repeat(17 * 1024)}`));
    expect(headers).toMatchObject({ status: 431, body: { error: 'Request headers are too large' } });
    const query = await exchange(head().replace('/api/echo', `/api/echo?${'x'.repeat(9 * 1024)}`));
    expect(query).toMatchObject({ status: 431, body: { error: 'Query string is too long' } });
  });

  it('a body of 1 MiB passes; one byte more is 413, by length and chunked', async () => {
    const body = (length: number) => Buffer.from(`"${'x'.repeat(length - 2)}"`);
    expect(await exchange(head(`Content-Length: ${MIB}`), body(MIB))).toMatchObject({ status: 200 });
    const byLength = await exchange(head(`Content-Length: ${MIB + 1}`), body(MIB + 1));
    expect(byLength).toMatchObject({ status: 413, body: { error: 'Request body is too large' } });
    const size = (MIB + 1).toString(16);
    const chunked = await exchange(head('Transfer-Encoding: chunked'), `${size}\r\n`, body(MIB + 1), '\r\n0\r\n\r\n');
    expect(chunked).toMatchObject({ status: 413, body: { error: 'Request body is too large' } });
  });

  it('a stranger is refused before his body has come', async () => {
    const lines = ['POST /api/echo HTTP/1.1', 'Host: localhost', 'Content-Length: 1000000', '', ''];
    expect(await exchange(lines.join('\r\n'))).toMatchObject({ status: 401 });
  });

  it('headers or a body that do not arrive in time are 408', async () => {
    const body = await exchange(head('Content-Length: 100'), '{"a":');
    expect(body).toEqual({ status: 408, body: { error: 'The request did not arrive in time' }, closed: true });
    const headers = await exchange('POST /api/echo HTTP/1.1\r\nHost: loc');
    expect(headers).toMatchObject({ status: 408, closed: true });
  });

  it('a body that breaks off leaves the server serving', async () => {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.write(head('Content-Length: 100') + '{"a":', () => {
        socket.destroy();
        resolve();
      });
    });
    expect(await exchange(head('Content-Length: 2'), '{}')).toMatchObject({ status: 200 });
  });
});

function answerIn(text: string): Omit<Answer, 'closed'> | undefined {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Buffer.byteLength(body) < length || Number.isNaN(length)) return undefined;
  return { status: Number(head.slice(9, 12)), body: JSON.parse(body) as unknown };
}
