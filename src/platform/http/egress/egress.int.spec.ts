import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Egress } from './egress.js';
import type { EgressRules, Resolve } from './egress-target.js';
import { mayBeDialled, readSubnets } from './public-address.js';

const nobody: Resolve = () => Promise.resolve([]);
const send = { headers: { 'content-type': 'application/json' }, body: Buffer.from('{}'), timeoutMs: 2_000 };

describe('OUT-7: the internal listener', () => {
  let server: Server;
  let port: number;
  let seen = 0;
  let answer: (response: ServerResponse) => void = (response) => response.end('ok');

  beforeAll(async () => {
    server = createServer((_, response) => answer(response));
    server.on('connection', () => (seen += 1));
    await new Promise<void>((resolve) => server.listen(0, '::', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    seen = 0;
    answer = (response) => response.end('ok');
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const rules = (over: Partial<EgressRules> = {}): EgressRules => ({
    plainAllowed: true,
    allowed: [],
    ownPorts: new Set(),
    resolve: nobody,
    ...over,
  });
  const allowLoopback = { allowed: readSubnets('127.0.0.0/8') };

  it.each([
    'http://127.0.0.1:PORT',
    'http://127.0.0.1.:PORT',
    'http://127.1:PORT',
    'http://0:PORT',
    'http://0.0.0.0:PORT',
    'http://2130706433:PORT',
    'http://0x7f000001:PORT',
    'http://0x7f.1:PORT',
    'http://0177.0.0.1:PORT',
    'http://017700000001:PORT',
    'http://①②⑦.0.0.1:PORT',
    'http://１２７.0.0.1:PORT',
    'http://127。0。0。1:PORT',
    'http://127.0.0.2:PORT',
    'http://127.255.255.254:PORT',
    'http://[::1]:PORT',
    'http://[0:0:0:0:0:0:0:1]:PORT',
    'http://[::]:PORT',
    'http://[::ffff:127.0.0.1]:PORT',
    'http://[::ffff:7f00:1]:PORT',
    'http://[::127.0.0.1]:PORT',
    'http://[::7f00:1]:PORT',
    'http://[64:ff9b::7f00:1]:PORT',
    'http://[64:ff9b:1::7f00:1]:PORT',
    'http://[2002:7f00:1::]:PORT',
    'http://[2001:0:7f00:1::]:PORT',
    'http://[fe80::1]:PORT',
    'http://[fec0::1]:PORT',
    'http://[fd00:ec2::254]:PORT',
    'http://[fc00::1]:PORT',
    'http://[ff02::1]:PORT',
    'http://[100::1]:PORT',
    'http://10.0.0.1:PORT',
    'http://172.16.0.1:PORT',
    'http://192.168.1.1:PORT',
    'http://169.254.169.254:PORT/latest/meta-data',
    'http://100.64.0.1:PORT',
    'http://192.0.0.1:PORT',
    'http://192.0.2.1:PORT',
    'http://198.18.0.1:PORT',
    'http://224.0.0.1:PORT',
    'http://240.0.0.1:PORT',
    'http://255.255.255.255:PORT',
    'http://168.63.129.16:PORT',
    'http://user@127.0.0.1:PORT',
    'http://public.example@127.0.0.1:PORT/',
    'http://127.0.0.1:22',
    'http://127.0.0.1:5432',
    'ftp://127.0.0.1:PORT',
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT',
    'javascript:alert(1)',
    '//127.0.0.1:PORT',
    'http://',
    '',
    'http://localhost:PORT',
    'http://localhost.:PORT',
    'http://not-there.invalid:PORT',
  ])('is not reached by %s', async (url) => {
    const outcome = await new Egress(rules()).post({ ...send, url: url.replace('PORT', String(port)) });
    expect(outcome.kind).toBe('refused');
    expect(seen).toBe(0);
  });

  it.each([
    ['loopback', ['127.0.0.1']],
    ['a public and a private address', ['93.184.216.34', '10.0.0.1']],
    ['a private address behind IPv6', ['2606:2800:220:1::1', '::ffff:10.0.0.1']],
    ['no address', ['999.1.1.1']],
  ])('is not reached by a name that resolves to %s', async (_, addresses) => {
    const egress = new Egress(rules({ resolve: () => Promise.resolve(addresses) }));
    expect(await egress.post({ ...send, url: `http://hook.example:${port}/` })).toEqual({
      kind: 'refused',
      reason: 'not_public',
    });
    expect(seen).toBe(0);
  });

  it('is dialled at the address that was checked: a name that changes its mind is asked once', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    let asked = 0;
    const resolve: Resolve = () => Promise.resolve(answers[asked++] ?? []);
    const outcome = await new Egress(rules({ ...allowLoopback, resolve })).post({
      ...send,
      url: `http://hook.example:${port}/`,
    });
    expect(outcome).toMatchObject({ kind: 'answered', status: 200, excerpt: 'ok' });
    expect({ asked, seen }).toEqual({ asked: 1, seen: 1 });
  });

  it('is reached over one connection by calls of one user, and over their own by all others', async () => {
    const egress = new Egress(rules(allowLoopback));
    const url = `http://127.0.0.1:${port}/`;
    for (const user of ['a', 'a', 'a', 'b', undefined, undefined, 'a']) {
      const outcome = await egress.post({ ...send, url, ...(user === undefined ? {} : { user }) });
      expect(outcome).toMatchObject({ kind: 'answered', status: 200 });
    }
    expect(seen).toBe(4);
    await egress.post({ ...send, url: `http://127.0.0.1:${port}/elsewhere`, user: 'a' });
    expect(seen).toBe(4);
    egress.forget('a');
    await egress.post({ ...send, url, user: 'a' });
    expect(seen).toBe(5);
  });

  it('is not reached by a connection that is made after a name changed its mind', async () => {
    let addresses = ['127.0.0.1'];
    let asked = 0;
    const resolve: Resolve = () => {
      asked += 1;
      return Promise.resolve(addresses);
    };
    const egress = new Egress(rules({ ...allowLoopback, resolve }));
    const call = { ...send, url: `http://hook.example:${port}/`, user: 'a' };
    expect(await egress.post(call)).toMatchObject({ kind: 'answered' });
    addresses = ['10.0.0.1'];
    expect(await egress.post(call)).toMatchObject({ kind: 'answered' });
    expect({ asked, seen }).toEqual({ asked: 1, seen: 1 });
    answer = (response) => response.setHeader('connection', 'close').end('bye');
    expect(await egress.post(call)).toMatchObject({ kind: 'answered', excerpt: 'bye' });
    expect(await egress.post(call)).toEqual({ kind: 'refused', reason: 'not_public' });
    expect({ asked, seen }).toEqual({ asked: 2, seen: 1 });
  });

  it('is called once by a call, though its connection had been used before and breaks', async () => {
    const egress = new Egress(rules(allowLoopback));
    const call = { ...send, url: `http://127.0.0.1:${port}/`, user: 'a' };
    await egress.post(call);
    let calls = 0;
    answer = (response) => {
      calls += 1;
      response.destroy();
    };
    expect(await egress.post(call)).toEqual({ kind: 'failed', error: 'reset' });
    expect(calls).toBe(1);
  });

  it.each([301, 302, 303, 307, 308])('is not reached by a redirect: %i is an answer', async (status) => {
    const target = createServer();
    let reached = 0;
    target.on('connection', () => (reached += 1));
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port: inner } = target.address() as AddressInfo;
    answer = (response) => response.writeHead(status, { location: `http://127.0.0.1:${inner}/` }).end();
    const outcome = await new Egress(rules(allowLoopback)).post({ ...send, url: `http://127.0.0.1:${port}/` });
    await new Promise((resolve) => target.close(resolve));
    expect(outcome).toMatchObject({ kind: 'answered', status });
    expect(reached).toBe(0);
  });

  it('may be allowed on purpose, but not on a port of our own', async () => {
    const url = `http://127.0.0.1:${port}/`;
    expect(await new Egress(rules(allowLoopback)).refusalOf(url)).toBeUndefined();
    expect(await new Egress(rules({ ...allowLoopback, ownPorts: new Set([port]) })).refusalOf(url)).toBe('bad_port');
    expect(await new Egress(rules({ ...allowLoopback, plainAllowed: false })).refusalOf(url)).toBe('bad_scheme');
  });

  it('is cut when it streams for ever, and 20,000 bytes are kept', async () => {
    answer = (response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write('x'.repeat(4_096)));
        response.once('drain', more);
      };
      more();
    };
    const outcome = await new Egress(rules(allowLoopback)).post({ ...send, url: `http://127.0.0.1:${port}/` });
    expect(outcome).toMatchObject({ kind: 'answered', excerpt: 'x'.repeat(20_000) });
  });

  it('is given up when it says nothing, or never ends', async () => {
    const url = `http://127.0.0.1:${port}/`;
    answer = () => undefined;
    expect(await new Egress(rules(allowLoopback)).post({ ...send, url, timeoutMs: 50 })).toEqual({
      kind: 'failed',
      error: 'timeout',
    });
    answer = (response) => response.writeHead(200).write('a');
    expect(await new Egress(rules(allowLoopback)).post({ ...send, url, timeoutMs: 50 })).toEqual({
      kind: 'failed',
      error: 'timeout',
    });
    const slow: Resolve = () => new Promise(() => {});
    expect(
      await new Egress(rules({ resolve: slow })).post({ ...send, url: 'http://slow.example/', timeoutMs: 50 }),
    ).toEqual({ kind: 'failed', error: 'timeout' });
  });

  it('that is not there, or hangs up, is a failure with a name', async () => {
    answer = (response) => response.destroy();
    const egress = new Egress(rules(allowLoopback));
    expect(await egress.post({ ...send, url: `http://127.0.0.1:${port}/` })).toEqual({
      kind: 'failed',
      error: 'reset',
    });
    expect(await egress.post({ ...send, url: `https://127.0.0.1:${port}/` })).toEqual({ kind: 'failed', error: 'tls' });
  });
});

describe('an address', () => {
  it.each(['93.184.216.34', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) => {
    expect(mayBeDialled(address, [], new Set())).toBe(true);
  });

  it.each(['', 'localhost', '1.2.3', '::', '8.8.8.8 ', '0x08080808'])('%j is none that is dialled', (address) => {
    expect(mayBeDialled(address, [], new Set())).toBe(false);
  });

  it('of our own is not dialled, however public', () => {
    expect(mayBeDialled('::ffff:8.8.8.8', [], new Set(['8.8.8.8']))).toBe(false);
  });

  it('in an allowed subnet is dialled; a subnet that is none is named', () => {
    expect(mayBeDialled('10.1.2.3', readSubnets('192.168.0.0/16, 10.0.0.0/8'), new Set())).toBe(true);
    expect(mayBeDialled('fd00::1', readSubnets('fd00::/8'), new Set())).toBe(true);
    expect(mayBeDialled('11.1.2.3', readSubnets('10.0.0.0/8,11.1.2.4'), new Set())).toBe(true);
    expect(() => readSubnets('10.0.0.0/8, office')).toThrow('office is no subnet');
  });
});
