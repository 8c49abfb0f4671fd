import type { Principal } from '../platform/auth/principal.js';
import { invalid } from '../platform/http/errors.js';
import type { Frame } from './frames/frame.js';

/** What a listener asked for, read and normalised. Empty lists ask for everything. */
export interface AskedFilter {
  readonly types: readonly string[];
  readonly agents: readonly string[];
  readonly tasks: readonly number[];
  readonly named: boolean;
}

/** What a listener is shown: its own filter within today's rights. Equal keys show equal frames. */
export interface StreamFilter {
  readonly key: string;
  readonly named: boolean;
  shows(frame: Frame): boolean;
}

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/;
const MAX_ENTRIES = 50;

/** The parameters that decide which frames a stream shows; a ticket is bound to them. */
export const FILTER_PARAMETERS = ['types', 'agent', 'task', 'named'] as const;

/**
 * Reads `types`, `agent`, `task` and `named` of a query or of a ticket request. Lists may be repeated, comma-separated
 * or arrays. Throws a 400 with every reason.
 */
export function readFilter(query: Readonly<Record<string, unknown>>): AskedFilter {
  const details: string[] = [];
  const types = readList(query['types'], 'types', details);
  for (const type of types) {
    if (!TYPE.test(type) || type.length > 100) details.push('types: Expected names such as agent or agent.created');
  }
  const agents = readList(query['agent'], 'agent', details).map((agent) => agent.normalize('NFC'));
  if (agents.some((agent) => Array.from(agent).length > 100)) details.push('agent: Expected an id or a name');
  const tasks = readList(query['task'], 'task', details).map(Number);
  if (tasks.some((task) => !Number.isSafeInteger(task) || task < 1)) details.push('task: Expected a positive integer');
  const named = readNamed(query['named'], details);
  if (details.length > 0) throw invalid([...new Set(details)]);
  return { types: unique(types), agents: unique(agents), tasks: unique(tasks), named };
}

/** A filter within the rights of a principal: its workspace, and its agent if it is an agent's key. */
export function filterFor(
  asked: AskedFilter,
  { workspaceId, agentId, role }: Pick<Principal, 'workspaceId' | 'agentId' | 'role'>,
): StreamFilter {
  const prefixes = asked.types.map((type) => `${type}.`);
  const agentIds = new Set(asked.agents.filter(isDigits).map(Number));
  const agentNames = new Set(asked.agents.filter((agent) => !isDigits(agent)));
  const tasks = new Set(asked.tasks);
  return {
    key: JSON.stringify([
      workspaceId,
      agentId ?? null,
      role === 'admin',
      asked.types,
      asked.agents,
      asked.tasks,
      asked.named,
    ]),
    named: asked.named,
    shows(frame) {
      if (frame.workspaceId !== workspaceId) return false;
      if (frame.forAdmins && role !== 'admin') return false;
      if (agentId !== undefined && !frame.agentIds.includes(agentId)) return false;
      if (asked.types.length > 0 && !showsType(frame.type, asked.types, prefixes)) return false;
      if (asked.agents.length > 0 && !showsAgent(frame, agentIds, agentNames)) return false;
      return tasks.size === 0 || frame.taskIds.some((task) => tasks.has(task));
    },
  };
}

function showsType(type: string, names: readonly string[], prefixes: readonly string[]): boolean {
  return names.includes(type) || prefixes.some((prefix) => type.startsWith(prefix));
}

function showsAgent(frame: Frame, ids: ReadonlySet<number>, names: ReadonlySet<string>): boolean {
  return frame.agentIds.some((id) => ids.has(id)) || frame.agentNames.some((name) => names.has(name));
}

function readList(value: unknown, field: string, details: string[]): string[] {
  if (value === undefined) return [];
  const parts = (Array.isArray(value) ? value : [value]).flatMap((each: unknown) => {
    if (typeof each === 'string') return each.split(',');
    if (typeof each === 'number') return [String(each)];
    details.push(`${field}: Expected text`);
    return [];
  });
  const trimmed = parts.map((part) => part.trim());
  if (trimmed.some((part) => part === '')) details.push(`${field}: Must not be empty`);
  if (trimmed.length > MAX_ENTRIES) details.push(`${field}: At most ${MAX_ENTRIES} entries`);
  return trimmed;
}

function readNamed(value: unknown, details: string[]): boolean {
  if (value === undefined || value === false || value === 0 || value === '0' || value === 'false') return false;
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  details.push('named: Expected 1 or 0');
  return false;
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text);
}

function unique<T extends string | number>(values: readonly T[]): T[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
}
