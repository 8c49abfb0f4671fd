import { createServer } from 'node:net';

const argument = (name) => process.argv[process.argv.indexOf(name) + 1];

const server = createServer((socket) => socket.destroy());
server.listen(Number(argument('--port')), argument('--host'), () => process.send?.({ type: 'ready' }));
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
