import type { ClientBase } from 'pg';
import type { Entry } from '../driver/ledger.js';
import type { UsageLine } from '../driver/operation.js';
import { type Finding, finding } from '../finding.js';

/** The sums of every acknowledged report, made from the ledger alone, against the tables that people ask. */
export async function checkTotals(client: ClientBase, ledger: readonly Entry[]): Promise<Finding[]> {
  const lines = ledger.filter(({ state }) => state === 'acked').flatMap(({ operation }) => operation.usage);
  return [
    ...(await checkTable(client, 'cost_hour', 'agent_name', lines, agentOf)),
    ...(await checkTable(client, 'cost_hour_model', 'model', lines, ({ model }) => model)),
    ...(await checkTable(client, 'cost_session', 'session_id', lines, ({ sessionId }) => sessionId)),
  ];
}

interface Sums {
  requests: bigint;
  tokens: bigint;
}

async function checkTable(
  client: ClientBase,
  table: string,
  column: string,
  lines: readonly UsageLine[],
  keyOf: (line: UsageLine) => string,
): Promise<Finding[]> {
  const { rows } = await client.query<{ key: string; requests: string; tokens: string }>(
    `select ${column} as key, sum(requests)::text as requests,
            sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)::text as tokens
       from ${table} group by ${column}`,
  );
  const stored = new Map(
    rows.map(({ key, requests, tokens }) => [key, { requests: BigInt(requests), tokens: BigInt(tokens) }]),
  );
  const expected = sumsOf(lines, keyOf);
  return [...new Set([...stored.keys(), ...expected.keys()])].flatMap((key) => {
    const is = stored.get(key) ?? { requests: 0n, tokens: 0n };
    const must = expected.get(key) ?? { requests: 0n, tokens: 0n };
    if (is.requests === must.requests && is.tokens === must.tokens) return [];
    const what = `${table} ${key}: ${is.requests} reports, ${is.tokens} tokens; sent ${must.requests}, ${must.tokens}`;
    return [finding(is.tokens < must.tokens ? 'lost' : 'duplicated', what)];
  });
}

function sumsOf(lines: readonly UsageLine[], keyOf: (line: UsageLine) => string): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (const line of lines) {
    const key = keyOf(line);
    const sum = sums.get(key) ?? { requests: 0n, tokens: 0n };
    sum.requests += 1n;
    sum.tokens += BigInt(line.inputTokens + line.outputTokens + line.cacheReadTokens + line.cacheWriteTokens);
    sums.set(key, sum);
  }
  return sums;
}

function agentOf({ sessionId }: UsageLine): string {
  return sessionId.slice(0, sessionId.indexOf(':'));
}
