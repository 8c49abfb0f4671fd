/** An answer that was not the expected one; the message says which call and why. */
export class CallFailed extends Error {}

/** The HTTP API as one caller sees it. */
export class Api {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  get headers(): Readonly<Record<string, string>> {
    return { 'x-api-key': this.key };
  }

  /** The body of a 2xx answer. Throws {@link CallFailed} for every other one. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return JSON.parse(await this.text(method, path, body)) as T;
  }

  async text(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...this.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new CallFailed(`${method} ${path} was answered with ${response.status}: ${text}`);
    return text;
  }
}
