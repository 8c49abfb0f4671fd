import { join, relative } from 'node:path';
import type { Config } from '../platform/config/config.js';
import type { GeneratedAdminKey } from '../platform/config/generated-admin-key.js';

export interface GreetingFacts {
  readonly config: Config;
  readonly generatedKey: GeneratedAdminKey | undefined;
  /** True for `API_KEY`, which a shell can expand. */
  readonly hasApiKeyVariable: boolean;
  readonly embedded: { readonly eventStore: boolean; readonly postgres: boolean };
}

/** What the operator reads when everything serves. */
export function greeting(facts: GreetingFacts): string {
  const { config, embedded } = facts;
  const url = `http://${urlHost(config.host)}:${config.port}`;
  const parts = [
    `event store ${embedded.eventStore ? 'embedded' : 'from EVENTSTORE_URL'}`,
    `PostgreSQL ${embedded.postgres ? 'embedded' : 'from DATABASE_URL'}`,
    `data in ${config.dataDir}`,
  ];
  if (!config.roles.includes('api')) return `\nMission Control runs ${config.roles.join(', ')}: ${parts.join(', ')}\n`;
  return [
    '',
    `Mission Control listens on ${url}`,
    `  parts       ${parts.join(', ')}`,
    `  API docs    ${url}/api/docs`,
    ...keyLines(facts),
    '  first call',
    `    curl -s -X POST ${url}/api/connect -H "x-api-key: ${keyInShell(facts)}" -H 'content-type: application/json' \\`,
    `      -d '{"tool_name":"curl","agent_name":"scout"}'`,
    '',
  ].join('\n');
}

function keyLines({ generatedKey }: GreetingFacts): string[] {
  if (generatedKey === undefined) return ['  key         one of those given in the environment, as header x-api-key'];
  const { wasShown, key, file } = generatedKey;
  if (wasShown) return [`  key         in ${shown(file)}, as header x-api-key`];
  return [
    `  admin key   ${key}`,
    `              shown this once; kept in ${shown(file)} (mode 0600); header x-api-key`,
  ];
}

function keyInShell({ generatedKey, hasApiKeyVariable }: GreetingFacts): string {
  if (generatedKey !== undefined) return `$(cat ${quoted(shown(generatedKey.file))})`;
  return hasApiKeyVariable ? '$API_KEY' : '<one of your keys>';
}

/** Relative when it is below the working directory: shorter to read and to paste. */
function shown(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith('..') || near === '' ? file : join(near);
}

function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
}

/** An address to call: "all interfaces" is none. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
