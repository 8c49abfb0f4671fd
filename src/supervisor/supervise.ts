import { join } from 'node:path';
import type { Config } from '../platform/config/config.js';
import { noteAdminKeyShown } from '../platform/config/generated-admin-key.js';
import { readEnvironment } from '../platform/config/environment.js';
import { resolveConfig } from '../platform/config/resolve-config.js';
import { keySettings, readSettings } from '../platform/config/settings.js';
import { readPricesFile } from '../prices/prices-file.js';
import { childPart } from './child-part.js';
import { type Connections, noteConnections } from './connections-file.js';
import { prepareDataDirectory } from './data-directory.js';
import { type ExitCode, exitCodes } from './exit-codes.js';
import { greeting } from './greeting.js';
import { endLeftovers, noteProcesses } from './leftovers.js';
import { reserveListenPort } from './listen-port.js';
import type { Part } from './part.js';
import { postgresPart } from './postgres-part.js';
import { apiProgram, backgroundProgram, eventStoreProgram, type Scripts } from './programs.js';
import { becomeSingleOwner } from './single-owner.js';
import { stopSignal } from './stop-signal.js';
import { type Layer, System } from './system.js';

type Say = (message: string) => void;

/**
 * Runs the whole system until it is told to stop: the embedded parts that the settings do not replace, then the roles.
 * Everything that can be wrong is looked at before the first process starts.
 *
 * Errors: `ConfigError`, `StartError`; nothing is left running.
 */
export async function supervise(scripts: Scripts, say: Say): Promise<ExitCode> {
  const environment = await readEnvironment(process.env);
  const dataDir = await prepareDataDirectory(readSettings(environment).dataDir);
  const lock = await becomeSingleOwner(dataDir);
  const { config, generatedKey, warnings } = await resolveConfig({ ...environment, MC_DATA_DIR: dataDir });
  for (const warning of warnings) say(warning);
  await readPricesFile(config.pricesFile);
  // Children inherit what is left: no key, no password.
  for (const name of [...keySettings, 'EVENTSTORE_URL', 'DATABASE_URL']) delete process.env[name];
  await endLeftovers(dataDir, say);

  const outcome = openOutcome();
  let forgetConnections = (): void => undefined;
  const system: System = new System({
    say,
    changed: () => noteProcesses(dataDir, notable(system, scripts)),
    gaveUp: (message) => {
      say(message);
      outcome.resolve(exitCodes.partKeptDying);
    },
  });
  try {
    const listening = await withFreePort(config);
    void stopSignal(() => {
      system.kill();
      process.exit(exitCodes.interrupted);
    }).then((signal) => {
      say(`${signal}: stopping`);
      outcome.resolve(exitCodes.stopped);
    });
    const started = startAll(system, scripts, listening, (connections) => {
      forgetConnections = noteConnections(dataDir, connections);
    }).then(() => {
      const embedded = { eventStore: config.eventStoreUrl === '', postgres: config.databaseUrl === '' };
      const hasApiKeyVariable = (environment['API_KEY'] ?? '') !== '';
      say(greeting({ config: listening, generatedKey, hasApiKeyVariable, embedded }));
      return generatedKey === undefined ? undefined : noteAdminKeyShown(generatedKey);
    });
    started.catch((error: unknown) => outcome.reject(error));
    return await outcome.promise;
  } finally {
    await system.stop();
    forgetConnections();
    lock.release();
  }
}

/** Port 0 becomes a number here, so that an api that is started again listens where it did. */
async function withFreePort(config: Config): Promise<Config> {
  if (!config.roles.includes('api')) return config;
  return { ...config, port: await reserveListenPort(config.host, config.port) };
}

async function startAll(
  system: System,
  scripts: Scripts,
  config: Config,
  onConnections: (connections: Connections) => void,
): Promise<void> {
  let { eventStoreUrl, databaseUrl } = config;
  const databases: { layer: Layer; part: Part }[] = [];
  if (databaseUrl === '') {
    const part = postgresPart(join(config.dataDir, 'postgres'), (url) => (databaseUrl = url));
    databases.push({ layer: 'database', part });
  }
  if (eventStoreUrl === '') {
    const port = await reserveListenPort('127.0.0.1', 0);
    eventStoreUrl = `esdb://127.0.0.1:${port}?tls=false`;
    const program = eventStoreProgram(scripts.eventStore, join(config.dataDir, 'event-store'), port);
    databases.push({ layer: 'event store', part: childPart(program) });
  }
  await system.start(...databases);

  onConnections({ eventStoreUrl, databaseUrl });

  const connected = { ...config, eventStoreUrl, databaseUrl };
  const background = config.roles.filter((role) => role !== 'api');
  const roles: { layer: Layer; part: Part }[] = [];
  if (background.length > 0) {
    const program = backgroundProgram(scripts.application, { ...connected, roles: background });
    roles.push({ layer: 'background', part: childPart(program) });
  }
  if (config.roles.includes('api')) {
    for (let number = 1; number <= config.apiWorkers; number += 1) {
      const program = apiProgram(scripts.application, { ...connected, roles: ['api'] }, number);
      roles.push({ layer: 'api', part: childPart(program) });
    }
  }
  await system.start(...roles);
}

/** What a later start must look for. PostgreSQL is found by its own lock file. */
function notable(system: System, scripts: Scripts) {
  return system.processes
    .filter(({ layer }) => layer !== 'database')
    .map(({ layer, name, pid }) => ({
      name,
      pid,
      script: layer === 'event store' ? scripts.eventStore : scripts.application,
    }));
}

/** A promise that whoever learns of the end settles. */
function openOutcome() {
  let resolve: (code: ExitCode) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<ExitCode>((onEnd, onFailure) => {
    resolve = onEnd;
    reject = onFailure;
  });
  return { promise, resolve, reject };
}
