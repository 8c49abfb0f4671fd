import { describe, expect, it } from '@jest/globals';
import { BadUsage, readCommandLine } from './command-line.js';

describe('the command line', () => {
  it('starts on a free loopback port unless told otherwise', () => {
    expect(readCommandLine(['--dir', 'd'])).toEqual({
      command: 'start',
      dir: 'd',
      port: 0,
      host: '127.0.0.1',
      maxAppendBytes: undefined,
      detached: false,
      acceptDataLoss: false,
    });
  });

  it('takes every option', () => {
    const args = ['start', '--dir', 'd', '--port', '2113', '--host', '::1', '--max-append-bytes', '2048', '--detached'];
    expect(readCommandLine([...args, '--accept-data-loss'])).toMatchObject({
      port: 2113,
      host: '::1',
      maxAppendBytes: 2048,
      detached: true,
      acceptDataLoss: true,
    });
  });

  it('refuses what makes no sense', () => {
    for (const args of [[], ['verify'], ['dance', '--dir', 'd'], ['--dir', 'd', '--port', '70000'], ['--what']]) {
      expect(() => readCommandLine(args)).toThrow(BadUsage);
    }
  });

  it('helps without a directory', () => {
    expect(readCommandLine(['--help']).command).toBe('help');
  });
});
