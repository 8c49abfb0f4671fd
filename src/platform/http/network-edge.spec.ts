import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { AllowedHosts } from './allowed-hosts.js';
import { ClientAddresses } from './client-address.js';
import { networkOf } from './network.js';

const request = (remoteAddress: string, headers: Record<string, string> = {}) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

describe('the client address', () => {
  const behindProxies = new ClientAddresses(['10.0.0.0/8', '2001:db8::1']);

  it.each([
    ['the socket, without proxies', new ClientAddresses([]), '10.1.1.1', { 'x-forwarded-for': '1.2.3.4' }, '10.1.1.1'],
    ['the socket, when it is no proxy', behindProxies, '9.9.9.9', { 'x-forwarded-for': '1.2.3.4' }, '9.9.9.9'],
    ['the header, behind a proxy', behindProxies, '10.1.1.1', { 'x-forwarded-for': '1.2.3.4' }, '1.2.3.4'],
    [
      'the right-most foreign hop',
      behindProxies,
      '10.1.1.1',
      { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.2.2.2' },
      '1.2.3.4',
    ],
    [
      'the proxy, when the header is garbage',
      behindProxies,
      '10.1.1.1',
      { 'x-forwarded-for': 'localhost' },
      '10.1.1.1',
    ],
    ['x-real-ip, when that is all', behindProxies, '10.1.1.1', { 'x-real-ip': '1.2.3.4' }, '1.2.3.4'],
    [
      'IPv4, also when it comes mapped',
      behindProxies,
      '::ffff:10.1.1.1',
      { 'x-forwarded-for': '::ffff:1.2.3.4' },
      '1.2.3.4',
    ],
    ['IPv6 behind an IPv6 proxy', behindProxies, '2001:db8::1', { 'x-forwarded-for': '2001:db8::9' }, '2001:db8::9'],
  ])('is %s', (_, addresses, socket, headers: Record<string, string>, expected) => {
    expect(addresses.of(request(socket, headers))).toBe(expected);
  });

  it.each(['proxy.example', '10.0.0.0/99x', '10.0.0.0/-1', ''])('cannot be found with the proxy "%s"', (proxy) => {
    expect(() => new ClientAddresses([proxy])).toThrow('MC_TRUSTED_PROXIES');
  });
});

describe('the network of an address', () => {
  const folded = { v4: 24, v6: 48 } as const;

  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2::9', '2001:db8:1::/48'],
    ['2001:0db8::', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['nonsense', 'unknown'],
  ])('%s lies in %s', (address, network) => {
    expect(networkOf(address, folded)).toBe(network);
  });

  it('is the whole IPv4 address, or the /64, where keys are guessed', () => {
    expect(networkOf('203.0.113.77', { v4: 32, v6: 64 })).toBe('203.0.113.77');
    expect(networkOf('2001:db8:1:2:3::4', { v4: 32, v6: 64 })).toBe('2001:db8:1:2::/64');
  });
});

describe('allowed hosts', () => {
  it.each([
    ['localhost:3000', ['localhost'], true],
    ['LOCALHOST', ['localhost'], true],
    ['[::1]:3000', ['[::1]'], true],
    ['evil.example', ['localhost'], false],
    ['localhost.evil.example', ['localhost'], false],
    ['localhost:evil', ['localhost'], false],
    ['localhost@evil.example', ['localhost'], false],
    ['a.board.example', ['.board.example'], true],
    ['board.example', ['.board.example'], true],
    ['notboard.example', ['.board.example'], false],
    ['anything.example', ['*'], true],
    ['10.1.2.3:3000', ['localhost', '0.0.0.0'], true],
    ['10.1.2.3', ['localhost'], false],
    ['a, b', ['*'], false],
    ['', ['*'], false],
  ])('%j with %j: %s', (header, listed, allowed) => {
    expect(new AllowedHosts(listed).allows(header)).toBe(allowed);
  });
});
