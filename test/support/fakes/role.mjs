// Does what a role does around its work: takes its settings from the supervisor, listens if it is an api, stops when told.
import { createServer } from 'node:http';
import { loadConfig } from '../../../dist/src/platform/config/load-config.js';

const { FAKE_ROLE_DIES: dies, FAKE_ROLE_HANGS: hangs } = process.env;
const config = await loadConfig();
if (dies === 'at start') process.exit(3);

if (config.roles.includes('api')) {
  const server = createServer((_, response) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify({ pid: process.pid, environment: process.env, config, argv: process.argv }));
  });
  server.listen(config.port, config.host, () => process.send({ type: 'ready' }));
} else {
  setInterval(() => undefined, 60_000);
  process.send({ type: 'ready' });
}
process.on('SIGTERM', () => {
  if (hangs === undefined) process.exit(0);
});
process.on('disconnect', () => process.exit(0));
