import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { keyChecksum } from '../auth/key-format.js';
import { placeholders, readEnvironmentKeys } from './environment-keys.js';

const none = { apiKey: '', variable: '', file: '' };
const key = (letter: string) => `${letter}-abcdefghijklmnopqrstuvwxyz`;

describe('keys of the environment', () => {
  it('reads key, role, workspace and name of the compact form', () => {
    expect(
      readEnvironmentKeys({ ...none, variable: `${key('1')}:viewer, ${key('2')}:operator:default:CI: nightly` }),
    ).toEqual({
      faults: [],
      keys: [
        { key: key('1'), role: 'viewer', workspaceId: 1, name: 'env-1' },
        { key: key('2'), role: 'operator', workspaceId: 1, name: 'CI: nightly' },
      ],
    });
  });

  it('reads the JSON form, where a key may hold commas and colons', () => {
    const awkward = 'a,b:c,d:e,f:g,h:i,j:k,l:m,n';
    const variable = JSON.stringify([{ key: awkward, role: 'admin', workspace: 1, name: 'ops' }]);
    expect(readEnvironmentKeys({ ...none, variable }).keys).toEqual([
      { key: awkward, role: 'admin', workspaceId: 1, name: 'ops' },
    ]);
  });

  it('reads a file with comments and one entry a line, beside the variable', () => {
    const file = `# ours\n${key('1')}:viewer\n\n  # theirs: ${key('9')}:admin\n${key('2')}:admin,\n`;
    const { keys, faults } = readEnvironmentKeys({ ...none, variable: `${key('0')}:viewer`, file });
    expect(faults).toEqual([]);
    expect(keys.map(({ key: read, name }) => [read, name])).toEqual([
      [key('0'), 'env-1'],
      [key('1'), 'env-2'],
      [key('2'), 'env-3'],
    ]);
  });

  it('takes API_KEY as one admin of the default workspace', () => {
    expect(readEnvironmentKeys({ ...none, apiKey: 'with:colon,and-comma-0123456789' }).keys).toEqual([
      { key: 'with:colon,and-comma-0123456789', role: 'admin', workspaceId: 1, name: 'API Access' },
    ]);
  });

  const mistyped = `mck_${'a1B2c3D4e5'.repeat(3)}000000`;
  it.each([
    ['a bare key, which is no admin', key('1'), 'has no role'],
    ['an unknown role', `${key('1')}:root`, 'the role must be viewer, operator or admin'],
    ['a short key', 'tooshort:admin', 'the key must have 24 to 512 characters'],
    ['a long key', `${'abcdefgh'.repeat(65)}:admin`, 'the key must have 24 to 512 characters'],
    ['a key of few characters', `${'abc'.repeat(10)}:admin`, 'at least 8 different characters'],
    ['a blank in the key', `abcdefghijkl mnopqrstuvwxyz:admin`, 'holds a blank'],
    ['an unknown workspace', `${key('1')}:admin:7`, 'the workspace is unknown'],
    ['a name with a control character', `${key('1')}:admin:1:a\u0007b`, 'the name must be'],
    ['a placeholder of our examples', `${placeholders[0] ?? ''}:admin`, 'the placeholder of an example'],
    ['a mistyped key of ours', `${mistyped}:admin`, 'its checksum is wrong'],
    ['an empty entry', `,${key('1')}:admin`, 'has no key'],
  ])('refuses %s by the number of the entry', (_, entry, reason) => {
    const { faults } = readEnvironmentKeys({ ...none, variable: `${key('0')}:viewer,${entry}` });
    expect(faults).toEqual([expect.stringMatching(/^MC_API_KEYS entry 2: /)]);
    expect(faults[0]).toContain(reason);
  });

  it('refuses the same key twice, also beside API_KEY', () => {
    const texts = { apiKey: key('1'), variable: `${key('1')}:viewer`, file: `${key('2')}:viewer\n${key('2')}:admin` };
    expect(readEnvironmentKeys(texts).faults).toEqual([
      'MC_API_KEYS entry 1: the same key as API_KEY',
      'MC_API_KEYS_FILE entry 2: the same key as MC_API_KEYS_FILE entry 1',
    ]);
  });

  it('refuses JSON that is broken, no array of objects, or has unknown fields', () => {
    const faultsOf = (variable: string) => readEnvironmentKeys({ ...none, variable }).faults;
    expect(faultsOf('[{"key": "secret')).toEqual(['MC_API_KEYS: begins like a JSON array and is no valid JSON']);
    expect(faultsOf('["secret-secret-secret"]')).toEqual(['MC_API_KEYS entry 1: is no object']);
    expect(faultsOf(JSON.stringify([{ key: key('1'), rolle: 'admin' }]))).toEqual([
      'MC_API_KEYS entry 1: has a field that is not key, role, workspace or name',
    ]);
  });

  it('KEY-6: any text gives exactly the stated keys or a refusal that shows none of it', () => {
    const reason =
      /^MC_API_KEYS( entry \d+)?: (has no (key|role: viewer, operator or admin must be named)|the (key|role|workspace|name) [a-z0-9 ,:_-]+|the same key as MC_API_KEYS entry \d+|is no object|has a field that is not key, role, workspace or name|begins like a JSON array and is no valid JSON)$/i;
    const nearlyValid = fc
      .array(
        fc.tuple(
          fc.oneof(fc.string({ minLength: 20, maxLength: 40 }), fc.base64String({ minLength: 20, maxLength: 40 })),
          fc.constantFrom(':viewer', ':operator', ':admin', ':Admin', '', ':admin:1', ':viewer:2', ':admin:1:n', '::'),
        ),
        { maxLength: 4 },
      )
      .map((entries) => entries.map((parts) => parts.join('')).join(','));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 120 }), nearlyValid), (variable) => {
        const { keys, faults } = readEnvironmentKeys({ ...none, variable });
        const parts = variable.split(/[,:\n]/).filter((part) => part.length >= 12);
        for (const fault of faults) {
          expect(fault).toMatch(reason);
          expect(parts.filter((part) => fault.includes(part))).toEqual([]);
        }
        if (faults.length > 0) return;
        const stated = variable
          .split(/[,\n]/)
          .map((entry) => entry.trim())
          .filter((entry) => entry !== '')
          .map((entry) => entry.split(':').slice(0, 2));
        expect(keys.map(({ key: read, role }) => [read, role])).toEqual(stated);
      }),
      { numRuns: 10_000 },
    );
  });

  it('accepts its own format: an issued key with the right checksum', () => {
    const digits = `mck_${'a1B2c3D4e5'.repeat(3)}`;
    const issued = digits + keyChecksum(digits);
    expect(readEnvironmentKeys({ ...none, apiKey: issued }).keys).toHaveLength(1);
  });
});
