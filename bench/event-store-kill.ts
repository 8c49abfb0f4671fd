import { START } from '@eventstore/db-client';
import { anEvent, client } from './event-store-figures.js';
import { startEventStore } from './server-process.js';

export interface KillVerdict {
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly gaps: number;
}

/** Kills the store under 16 writers after `acknowledgements`, starts it again, and compares the log with what was acknowledged. */
export async function killUnderLoad(dir: string, acknowledgements: number): Promise<KillVerdict> {
  const server = await startEventStore(dir);
  const writing = client(server);
  const acknowledged: string[] = [];
  const killed = new AbortController();
  const end = aborted(killed);
  await Promise.allSettled(
    Array.from({ length: 16 }, async (_, writer) => {
      for (let revision = -1n; !killed.signal.aborted; revision++) {
        const event = anEvent();
        const expectedRevision = revision < 0n ? ('no_stream' as const) : revision;
        await Promise.race([writing.appendToStream(`killed-${writer}`, event, { expectedRevision }), end]);
        acknowledged.push(event.id);
        if (acknowledged.length >= acknowledgements && !killed.signal.aborted) {
          await server.end('SIGKILL');
          killed.abort();
        }
      }
    }),
  );
  const again = await startEventStore(dir);
  const reading = client(again);
  const next = new Map<string, bigint>();
  const ids = new Set<string>();
  let [events, gaps] = [0, 0];
  for await (const { event } of reading.readAll({ fromPosition: START })) {
    if (event === undefined || !event.streamId.startsWith('killed-')) continue;
    events++;
    ids.add(event.id);
    if (event.revision !== (next.get(event.streamId) ?? 0n)) gaps++;
    next.set(event.streamId, event.revision + 1n);
  }
  await reading.dispose();
  await again.end('SIGTERM');
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((id) => !ids.has(id)).length,
    duplicated: events - ids.size,
    gaps,
  };
}

/** The client would wait for ever for the answers that the killed server owes. */
function aborted({ signal }: AbortController): Promise<never> {
  const end = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('killed'));
    });
  });
  end.catch(() => undefined);
  return end;
}
