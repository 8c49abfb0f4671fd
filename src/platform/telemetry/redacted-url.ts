const SECRET_VALUES = /([?&](?:ticket|api[_-]?key|x-api-key|access_token|token)=)[^&]*/gi;

/** A request target as logs may show it: values of tickets and keys replaced, cut at 500 characters. */
export function redactedUrl(url: string): string {
  const shown = url.includes('?') ? url.replace(SECRET_VALUES, '$1[redacted]') : url;
  return shown.length > 500 ? `${shown.slice(0, 500)}…` : shown;
}
