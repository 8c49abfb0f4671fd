// The real supervisor with children that only start, listen and stop: for tests of processes, not of what they do.
import { fileURLToPath } from 'node:url';
import { run } from '../../../dist/src/supervisor/run.js';

const script = (path) => fileURLToPath(new URL(path, import.meta.url));

process.exit(
  await run(process.argv.slice(2), { eventStore: script('./event-store.mjs'), application: script('./role.mjs') }),
);
