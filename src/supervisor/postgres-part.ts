import { type EmbeddedPostgres, startPostgres } from '../../embedded/postgres/index.js';
import type { Part } from './part.js';

/**
 * The embedded PostgreSQL. `onUrl` hears its connection string at every start; after the first it is the same, because
 * port and password are kept.
 */
export function postgresPart(dir: string, onUrl: (url: string) => void): Part {
  return {
    name: 'PostgreSQL',
    launch: async () => {
      const server = await startPostgres({ dir });
      onUrl(server.url);
      const note = noteOf(server);
      return {
        pid: server.pid,
        ended: server.ended.then(() => 'its process is gone'),
        stop: (boundMs) => server.stop(boundMs),
        ...(note === undefined ? {} : { note }),
      };
    },
  };
}

function noteOf({ adopted, pid, programsCopiedTo }: EmbeddedPostgres): string | undefined {
  if (adopted) return `adopted the PostgreSQL server (process ${pid}) that an earlier start left running`;
  if (programsCopiedTo === undefined) return undefined;
  return `the PostgreSQL programs were copied to ${programsCopiedTo}, because its account cannot enter this project`;
}
