/** The floor that event streams are measured against: plain `http`, one write per listener and event, nothing else. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const listeners = new Set<ServerResponse>();
let serial = 0;

const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: {"type":"connected"}\n\n');
  listeners.add(response);
  response.on('close', () => listeners.delete(response));
});

server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

process.on('message', (sentAt: string) => {
  serial += 1;
  const frame = `id: ${serial}\ndata: {"type":"token.reported","data":{"sessionId":"bench:@${sentAt}~","pad":"${'x'.repeat(230)}"}}\n\n`;
  for (const response of listeners) response.write(frame);
});

process.on('disconnect', () => process.exit(0));
