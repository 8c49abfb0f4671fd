import { type Role, roles } from '../auth/principal.js';
import { isKeyShaped } from '../auth/key-format.js';

/** A key in clear, between reading and hashing. Never leaves the function that loads the configuration. */
export interface ClearKey {
  readonly key: string;
  readonly role: Role;
  readonly workspaceId: number;
  readonly name: string;
}

/** The texts that keys are given in; empty means not given. */
export interface KeyTexts {
  /** `API_KEY`: one admin key of the default workspace. */
  readonly apiKey: string;
  /** `MC_API_KEYS`: `key:role[:workspace[:name]]` separated by commas, or a JSON array. */
  readonly variable: string;
  /** The content of `MC_API_KEYS_FILE`: the same; a line break separates like a comma, `#` begins a comment line. */
  readonly file: string;
}

/** Keys, or every fault found. A fault names the variable and the number of the entry, never any part of the entry. */
export interface ReadKeys {
  readonly keys: readonly ClearKey[];
  readonly faults: readonly string[];
}

/** Strings that our documentation shows in the place of a key: whoever copies them runs open. */
export const placeholders: readonly string[] = [
  'change-me-to-a-long-random-key',
  'replace-with-a-long-random-key',
  'your-key-of-at-least-24-characters',
];

/** The workspaces that exist from the start, by id and by slug. */
const workspaces: ReadonlyMap<string, number> = new Map([
  ['1', 1],
  ['default', 1],
]);

interface Entry {
  /** Variable and number, for messages. */
  readonly label: string;
  readonly key: unknown;
  readonly role: unknown;
  readonly workspace: unknown;
  readonly name: unknown;
}

/** Reads all keys of the environment. A role is never defaulted: a bare key is no admin. */
export function readEnvironmentKeys(texts: KeyTexts): ReadKeys {
  const faults: string[] = [];
  const entries: Entry[] = [];
  const apiKey = texts.apiKey.trim();
  if (apiKey !== '') {
    entries.push({ label: 'API_KEY', key: apiKey, role: 'admin', workspace: 1, name: 'API Access' });
  }
  const sources = [
    { label: 'MC_API_KEYS', content: texts.variable },
    { label: 'MC_API_KEYS_FILE', content: withoutComments(texts.file) },
  ];
  for (const { label, content } of sources) {
    const read = entriesOf(label, content.trim());
    if (typeof read === 'string') faults.push(read);
    else entries.push(...read);
  }

  const keys: ClearKey[] = [];
  const labelOf = new Map<string, string>();
  let number = 0;
  for (const entry of entries) {
    if (entry.label !== 'API_KEY') number += 1;
    const key = checkedKey(entry, `env-${number}`);
    if (typeof key === 'string') {
      faults.push(`${entry.label}: ${key}`);
      continue;
    }
    const earlier = labelOf.get(key.key);
    if (earlier !== undefined) faults.push(`${entry.label}: the same key as ${earlier}`);
    labelOf.set(key.key, entry.label);
    keys.push(key);
  }
  return { keys, faults };
}

function withoutComments(file: string): string {
  return file
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n');
}

/** The entries of one text, or what is wrong with it as a whole. */
function entriesOf(label: string, content: string): Entry[] | string {
  if (content === '') return [];
  if (content.startsWith('[')) return jsonEntries(label, content);
  return content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.replace(/,$/, '').split(','))
    .map((entry, index) => {
      const [key, role, workspace, ...name] = entry.trim().split(':');
      return { label: `${label} entry ${index + 1}`, key, role, workspace, name: name.join(':') };
    });
}

function jsonEntries(label: string, content: string): Entry[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return `${label}: begins like a JSON array and is no valid JSON`;
  }
  if (!Array.isArray(parsed)) return `${label}: is no JSON array`;
  const entries: Entry[] = [];
  for (const [index, value] of parsed.entries()) {
    const entryLabel = `${label} entry ${index + 1}`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${entryLabel}: is no object`;
    const { key, role, workspace, name, ...others } = value as Record<string, unknown>;
    if (Object.keys(others).length > 0) {
      return `${entryLabel}: has a field that is not key, role, workspace or name`;
    }
    entries.push({ label: entryLabel, key, role, workspace, name });
  }
  return entries;
}

/** The key, or the reason against it. */
function checkedKey(entry: Entry, defaultName: string): ClearKey | string {
  const { key } = entry;
  if (typeof key !== 'string' || key === '') return 'has no key';
  if (!/^[\x21-\x7e]*$/.test(key)) return 'the key holds a blank or a character that is not printable ASCII';
  if (key.length < 24 || key.length > 512) return 'the key must have 24 to 512 characters';
  if (new Set(key).size < 8) return 'the key must have at least 8 different characters';
  if (placeholders.includes(key.toLowerCase())) return 'the key is the placeholder of an example: make one of your own';
  if (!isKeyShaped(key)) return 'the key begins with mca_ or mck_ and its checksum is wrong: look for a typing error';

  const role = roles.find((known) => known === entry.role);
  if (role === undefined) {
    return entry.role === undefined || entry.role === ''
      ? 'has no role: viewer, operator or admin must be named'
      : 'the role must be viewer, operator or admin';
  }

  const workspaceId = workspaceOf(entry.workspace);
  if (workspaceId === undefined) return 'the workspace is unknown';

  const name = nameOf(entry.name, defaultName);
  if (name === undefined) return 'the name must be text of 1 to 100 characters without control characters';
  return { key, role, workspaceId, name };
}

function workspaceOf(workspace: unknown): number | undefined {
  if (workspace === undefined || workspace === '') return 1;
  return typeof workspace === 'string' || typeof workspace === 'number' ? workspaces.get(String(workspace)) : undefined;
}

function nameOf(name: unknown, defaultName: string): string | undefined {
  if (name === undefined || name === '') return defaultName;
  if (typeof name !== 'string') return undefined;
  const trimmed = name.trim().normalize('NFC');
  return /^[^\p{C}]{1,100}$/u.test(trimmed) ? trimmed : undefined;
}
