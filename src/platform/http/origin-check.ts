const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * May this request change something, as far as its `Origin` says? Without an Origin: yes (no browser). With one: its
 * host must be the request's own, or the origin is listed for CORS. An Origin never grants anything; it only refuses.
 */
export function mayChange(
  method: string,
  origin: string | undefined,
  host: string | undefined,
  listed: ReadonlySet<string>,
): boolean {
  if (origin === undefined || SAFE_METHODS.has(method) || listed.has(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  return from.host !== '' && from.host === comparableHost(host ?? '', from.protocol);
}

/** The host as `URL.host` writes it: lower case, without the default port of the origin's scheme. */
function comparableHost(host: string, protocol: string): string {
  const url = `${protocol}//${host}`;
  return URL.canParse(url) ? new URL(url).host : '';
}
