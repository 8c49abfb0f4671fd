/**
 * Many event stream listeners in a process of their own, so that reading does not take the server's CPU time. Raw
 * sockets: what is measured is the server. Told over IPC what to open, and asked for what has come.
 */
import { connect, type Socket } from 'node:net';

export type ListenerOrder =
  | { readonly kind: 'open'; readonly port: number; readonly count: number; readonly key: string }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' };

export type ListenerAnswer =
  | { readonly kind: 'opened'; readonly ms: number }
  | { readonly kind: 'report'; readonly latenciesMs: readonly number[] }
  | { readonly kind: 'closed' };

/** An event carries the instant at which it was sent, between these. */
export const SENT_AT = /@(\d+\.\d+)~/g;

/** At most so many connections are being opened at once: a listen queue is short. */
const OPENING = 100;

export function instantMs(): number {
  return performance.timeOrigin + performance.now();
}

const sockets: Socket[] = [];
let latencies: number[] = [];

function open(port: number, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let isOpen = false;
    socket.once('connect', () => {
      socket.write(`GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-api-key: ${key}\r\n\r\n`);
    });
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      const now = instantMs();
      for (const [, sentAt] of text.matchAll(SENT_AT)) latencies.push(now - Number(sentAt));
      if (isOpen || !text.includes('"connected"')) return;
      isOpen = true;
      resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server ended an event stream')));
    sockets.push(socket);
  });
}

async function openAll(port: number, count: number, key: string): Promise<number> {
  const began = performance.now();
  for (let opened = 0; opened < count; opened += OPENING) {
    await Promise.all(Array.from({ length: Math.min(OPENING, count - opened) }, () => open(port, key)));
  }
  return performance.now() - began;
}

async function obey(order: ListenerOrder): Promise<ListenerAnswer> {
  switch (order.kind) {
    case 'open':
      return { kind: 'opened', ms: await openAll(order.port, order.count, order.key) };
    case 'report': {
      const report = latencies;
      latencies = [];
      return { kind: 'report', latenciesMs: report };
    }
    case 'close':
      for (const socket of sockets.splice(0)) socket.destroy();
      return { kind: 'closed' };
  }
}

if (process.send !== undefined) {
  process.on('message', (order: ListenerOrder) => {
    void obey(order).then((answer) => process.send?.(answer));
  });
  process.on('disconnect', () => process.exit(0));
}
