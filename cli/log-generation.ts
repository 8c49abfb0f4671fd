import { parseArgs } from 'node:util';
import { allEventContracts } from '../src/all.events.js';
import { SystemClock } from '../src/platform/clock/clock.js';
import { EventRegistry } from '../src/platform/event-store/event-registry.js';
import { EventStoreGateway } from '../src/platform/event-store/event-store.gateway.js';
import { silentLogger } from '../src/platform/event-store/store-logger.js';
import { StoredLogGeneration } from '../src/platform/event-store/stored-log-generation.js';
import { RandomIds } from '../src/platform/ids/ids.js';

const help = `Usage: node dist/cli/log-generation.js new [--event-store <url>]

Begins a new generation of the log and prints it, as the last step of restoring a backup: positions that clients got from
the log as it was before are then recognised as foreign. Only while no api, projector or reactors run.

  --event-store <url>   default: EVENTSTORE_URL

Exit code: 0 done, 1 failed, 2 not understood.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      'event-store': { type: 'string', default: process.env['EVENTSTORE_URL'] ?? '' },
    },
  });
  const [command] = positionals;
  const url = values['event-store'];
  if (values.help || url === '' || command !== 'new') {
    console.log(help);
    return values.help ? 0 : 2;
  }
  const store = new EventStoreGateway({ url, registry: new EventRegistry(allEventContracts) });
  const generation = new StoredLogGeneration({
    store,
    clock: new SystemClock(),
    ids: new RandomIds(),
    log: silentLogger,
  });
  try {
    await generation.startNew();
    console.log(generation.current);
    return 0;
  } finally {
    await store.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
