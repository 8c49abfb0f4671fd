import type { LogFilter } from './event-store.js';

/** The filter as the server gets it: over stream names. */
export type WireFilter = { readonly prefixes: string[] } | { readonly regex: string };

/**
 * A filter that means the same to a server's .NET dialect, to JavaScript and to us. System streams (their names begin
 * with `$`) are always left out.
 */
export function wireFilterOf(filter: LogFilter | undefined): WireFilter {
  const only = filter?.streamPrefixes ?? [];
  const without = filter?.withoutStreamPrefixes ?? [];
  if (only.length > 0 && without.length === 0) return { prefixes: [...only] };
  const excluded = ['\\$', ...without.map(escaped)].join('|');
  const included = only.length === 0 ? '' : `(?:${only.map(escaped).join('|')})`;
  return { regex: `^(?!${excluded})${included}` };
}

/** Whether a stream passes {@link wireFilterOf} of this filter: what the server decides, decided here. */
export function passesFilter(filter: LogFilter | undefined, stream: string): boolean {
  const wire = wireFilterOf(filter);
  return 'prefixes' in wire
    ? wire.prefixes.some((prefix) => stream.startsWith(prefix))
    : new RegExp(wire.regex).test(stream);
}

/** True for streams of the server itself: metadata (`$$x`), statistics, projections. */
export function isSystemStream(stream: string): boolean {
  return stream.startsWith('$');
}

function escaped(prefix: string): string {
  return prefix.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
