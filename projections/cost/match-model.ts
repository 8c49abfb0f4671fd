/** How a reported name led to a listed one. In the order in which they are tried. */
export const matchKinds = ['exact', 'alias', 'prefix', 'date', 'prefix+date'] as const;
export type MatchKind = (typeof matchKinds)[number];

/** A name that the book lists, and what it stands for. */
export interface ListedName<Entry> {
  readonly entry: Entry;
  readonly kind: 'model' | 'alias';
}

export interface ModelMatch<Entry> {
  readonly entry: Entry;
  readonly matchKind: MatchKind;
}

/** One look into the book. */
interface Look {
  readonly name: string;
  readonly found: 'model' | 'alias' | 'either';
  readonly matchKind: MatchKind;
  /** The entry must be of this provider; undefined: of any. */
  readonly provider: string | undefined;
}

/** Prefixes that name the maker of a model. Those of resellers are never trimmed: their prices differ. */
const FIRST_PARTIES = new Map([
  ['anthropic', 'anthropic'],
  ['openai', 'openai'],
  ['google', 'google'],
  ['gemini', 'google'],
  ['mistral', 'mistral'],
  ['mistralai', 'mistral'],
  ['deepseek', 'deepseek'],
  ['x-ai', 'x-ai'],
  ['xai', 'x-ai'],
  ['cohere', 'cohere'],
  ['moonshotai', 'moonshotai'],
]);

/** Providers as OpenTelemetry spells them. */
const OPEN_TELEMETRY_PROVIDERS = new Map([
  ['aws.bedrock', 'bedrock'],
  ['azure.ai.inference', 'azure'],
  ['azure.ai.openai', 'azure'],
  ['gcp.gemini', 'google'],
  ['gcp.gen_ai', 'google'],
  ['gcp.vertex_ai', 'vertex_ai'],
  ['mistral_ai', 'mistral'],
  ['moonshot_ai', 'moonshotai'],
  ['x_ai', 'x-ai'],
]);

const DATE_SUFFIX = /(?:[-@](\d{4})(\d{2})(\d{2})|@(\d{4})-(\d{2})-(\d{2}))$/;

/**
 * The listed model that a report means: by its exact name or alias, or after trimming one maker's prefix, one date, or
 * both. Nothing else is the same model: no part of a name, no beginning of one, no other spelling of case.
 */
export function matchModel<Entry extends { readonly provider: string }>(
  names: ReadonlyMap<string, ListedName<Entry>>,
  reported: string,
  provider?: string,
): ModelMatch<Entry> | undefined {
  for (const look of looks(reported, provider)) {
    const listed = names.get(look.name);
    if (listed === undefined || (look.found !== 'either' && look.found !== listed.kind)) continue;
    if (look.provider !== undefined && look.provider !== listed.entry.provider) continue;
    return { entry: listed.entry, matchKind: look.matchKind };
  }
  return undefined;
}

/** The names that {@link matchModel} looks for, each once, in its order. */
export function namesTried(reported: string, provider?: string): string[] {
  return [...new Set([...looks(reported, provider)].map(({ name }) => name))];
}

function* looks(reported: string, reportedProvider: string | undefined): Generator<Look> {
  const name = reported.trim();
  const provider = listedProvider(reportedProvider);
  for (const [found, matchKind] of [
    ['model', 'exact'],
    ['alias', 'alias'],
  ] as const) {
    if (provider !== undefined) yield { name: `${provider}/${name}`, found, matchKind, provider };
    yield { name, found, matchKind, provider };
  }
  const trimmed = withoutPrefix(name);
  const maker = trimmed !== undefined && (provider ?? trimmed.maker) === trimmed.maker ? trimmed : undefined;
  if (maker !== undefined) yield { name: maker.rest, found: 'either', matchKind: 'prefix', provider: maker.maker };
  const undated = withoutDate(name);
  if (undated !== undefined) yield { name: undated, found: 'either', matchKind: 'date', provider };
  const bare = maker === undefined ? undefined : withoutDate(maker.rest);
  if (bare !== undefined) yield { name: bare, found: 'either', matchKind: 'prefix+date', provider: maker?.maker };
}

function listedProvider(reported: string | undefined): string | undefined {
  const provider = reported?.trim() ?? '';
  return provider === '' ? undefined : (OPEN_TELEMETRY_PROVIDERS.get(provider) ?? provider);
}

function withoutPrefix(name: string): { readonly maker: string; readonly rest: string } | undefined {
  const slash = name.indexOf('/');
  const maker = FIRST_PARTIES.get(name.slice(0, Math.max(slash, 0)));
  return maker === undefined ? undefined : { maker, rest: name.slice(slash + 1) };
}

function withoutDate(name: string): string | undefined {
  const match = DATE_SUFFIX.exec(name);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0] = match
    .slice(1)
    .filter((part) => part !== undefined)
    .map((part) => parseInt(part, 10));
  return isCalendarDate(year, month, day) ? name.slice(0, match.index) : undefined;
}

function isCalendarDate(year: number, month: number, day: number): boolean {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year > 0 && day >= 1 && day <= days;
}
