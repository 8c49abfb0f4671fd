import { connect, type Socket } from 'node:net';

/** One keep-alive connection that sends prepared requests one after the other: as little client CPU as can be had. */
export class LoadConnection {
  /** Body of the last answer. */
  body: Buffer = Buffer.alloc(0);
  private buffered: Buffer = Buffer.alloc(0);
  private waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', (error) => this.waiting?.reject(error));
    socket.on('close', () => this.waiting?.reject(new Error('the server closed the connection')));
  }

  static open(port: number, host = '127.0.0.1'): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true }, () => resolve(new LoadConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** Resolves to the status once the whole answer is in. */
  send(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.waiting = undefined;
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
    const end = this.buffered.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.buffered.toString('latin1', 0, end).toLowerCase();
    const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
    const total = end + 4 + Number(length ?? 0);
    if (this.buffered.length < total) return;
    this.body = this.buffered.subarray(end + 4, total);
    this.buffered = this.buffered.subarray(total);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(Number(head.slice(9, 12)));
  }
}

export function requestBytes(
  method: string,
  path: string,
  key: string,
  body: string,
  contentType = 'application/json',
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ${key}\r\ncontent-type: ${contentType}\r\n` +
      `${extra.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly statuses: Readonly<Record<number, number>>;
}

/** Closed loop: every connection sends its next request when the last one is answered, for `seconds`. */
export async function closedLoop(
  connections: readonly LoadConnection[],
  seconds: number,
  nextRequest: (connection: number) => Buffer,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const statuses: Record<number, number> = {};
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  await Promise.all(
    connections.map(async (connection, index) => {
      for (let now = performance.now(); now < until;) {
        const status = await connection.send(nextRequest(index));
        const answeredAt = performance.now();
        latencies.push(answeredAt - now);
        statuses[status] = (statuses[status] ?? 0) + 1;
        now = answeredAt;
      }
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1_000;
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    seconds: elapsed,
    perSecond: latencies.length / elapsed,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    statuses,
  };
}

/** Of sorted values; 0 of none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
