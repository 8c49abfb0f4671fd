import type { AccessRule, HttpMethod } from '../platform/auth/access-rule.js';

interface HeaderParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

const text = { type: 'string' };

/** Every header that some route reads, by its name in the components of the document. */
const headers = {
  AgentName: {
    name: 'x-agent-name',
    description:
      'The agent that the caller acts as: attribution, never an identity or a permission. With an agent’s key it must ' +
      'be that agent’s name, else 401. It names the poller of the queue where `agent` does not.',
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    description:
      'Of the caller’s choice, for one command of one credential on one route. The same key and request again within ' +
      'seven days: the first status and body, with the header `idempotent-replayed: true`. Another request: 409.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' },
  },
  IfMatch: {
    name: 'If-Match',
    description: 'The `ETag` that the change was prepared on, in quotes. Another one by now: 412, and nothing changes.',
    schema: text,
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    description: 'The `ETag` that the caller knows, in quotes. Still the same: 304 without a body.',
    schema: text,
  },
  Prefer: {
    name: 'Prefer',
    description:
      '`respond-async`: do not wait until the read models show the effect. The answer is the same, with the header ' +
      '`Preference-Applied: respond-async`.',
    schema: text,
  },
} as const satisfies Record<string, HeaderParameter>;

export type HeaderName = keyof typeof headers;

/** What decides which headers a route reads. */
export interface HeaderReader {
  /**
   * How its command goes through the endpoint of commands. `keyed`, the default of all but GET: the idempotency key
   * counts. `plain`: repeats are told apart otherwise. `none`: not at all.
   */
  readonly command?: 'keyed' | 'plain' | 'none';
  /** Those that it reads beyond those of its kind. */
  readonly headers?: readonly HeaderName[];
}

/** What a route reads: what every route of its kind does, and what its operation adds. */
export function headersOf(
  method: HttpMethod,
  rule: AccessRule,
  { command = method === 'GET' ? 'none' : 'keyed', headers: added = [] }: HeaderReader,
): ReadonlySet<HeaderName> {
  return new Set<HeaderName>([
    ...(rule.role === 'public' ? [] : (['AgentName'] as const)),
    ...(command === 'keyed' ? (['IdempotencyKey'] as const) : []),
    ...(command === 'none' ? [] : (['Prefer'] as const)),
    ...added,
  ]);
}

/** As the components of the document hold them: each is described once. */
export const headerComponents = Object.fromEntries(
  Object.entries(headers).map(([name, header]) => [name, { ...header, in: 'header' as const, required: false }]),
);
