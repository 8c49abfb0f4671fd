import { fileURLToPath } from 'node:url';
import { run } from './run.js';

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));

process.stdout.on('error', () => undefined); // the reader of a pipe may go; the system stays
process.exit(
  await run(process.argv.slice(2), {
    eventStore: script('../../embedded/event-store/main.js'),
    application: script('../main.js'),
  }),
);
