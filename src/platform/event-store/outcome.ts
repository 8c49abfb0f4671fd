/**
 * What became of an append that the client rejected. `unknown`: nobody can tell whether the events are stored, so the
 * same append is repeated with the same ids. `refused`: never, for the reason given.
 */
export type AppendOutcome =
  | { readonly kind: 'conflict'; readonly actual: bigint | 'no_stream' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What a failed read or subscription means: try again, give up, or this position is not of this database. */
export type ReadOutcome = 'missing' | 'refused' | 'position-refused' | 'unavailable';

const refusals: ReadonlySet<string> = new Set([
  'stream-deleted',
  'maximum-append-size-exceeded',
  'missing-required-metadata-property',
  'access-denied',
  'invalid-argument',
]);

const GRPC_INVALID_ARGUMENT = 3;

/**
 * Sorts a rejection by the client's `type`, else by its gRPC `code`: with the server down the first append rejects with
 * a raw gRPC error that has no type. Everything that is not a known refusal is unknown, `unknown` itself too: a busy
 * server answers with it.
 */
export function appendOutcomeOf(error: unknown): AppendOutcome {
  const type = textField(error, 'type');
  if (type === 'wrong-expected-version') {
    const actual: unknown = Reflect.get(Object(error), 'actualVersion');
    return { kind: 'conflict', actual: typeof actual === 'bigint' ? actual : 'no_stream' };
  }
  if (type !== undefined && refusals.has(type)) return { kind: 'refused', reason: type };
  return { kind: 'unknown', reason: type ?? `gRPC code ${String(codeOf(error) ?? 'none')}` };
}

export function readOutcomeOf(error: unknown): ReadOutcome {
  switch (textField(error, 'type')) {
    case 'stream-not-found':
      return 'missing';
    case 'stream-deleted':
    case 'access-denied':
      return 'refused';
    case 'invalid-argument':
      return 'position-refused';
    default:
      return codeOf(error) === GRPC_INVALID_ARGUMENT ? 'position-refused' : 'unavailable';
  }
}

function codeOf(error: unknown): number | undefined {
  const code: unknown = Reflect.get(Object(error), 'code');
  return typeof code === 'number' ? code : undefined;
}

function textField(error: unknown, key: string): string | undefined {
  const value: unknown = Reflect.get(Object(error), key);
  return typeof value === 'string' ? value : undefined;
}
