import { KeptPart, type Watcher } from './kept-part.js';
import { exitCodes, StartError } from './exit-codes.js';
import type { Part } from './part.js';

/** Who stops first: nobody may lose what it stands on while it still works. The patience adds up to less than 5 s. */
const stopOrder = [
  { layer: 'api', patienceMs: 2_800 },
  { layer: 'background', patienceMs: 700 },
  { layer: 'event store', patienceMs: 600 },
  { layer: 'database', patienceMs: 600 },
] as const;

export type Layer = (typeof stopOrder)[number]['layer'];

/** All parts that were started, and the order in which they end. */
export class System {
  private readonly parts: { readonly layer: Layer; readonly kept: KeptPart }[] = [];
  private isStopping = false;

  constructor(private readonly watcher: Watcher) {}

  /**
   * Starts parts side by side; resolves when all serve.
   *
   * Errors: {@link StartError} for the first that fails; the others may still be starting, `stop` ends them.
   */
  async start(...parts: readonly { readonly layer: Layer; readonly part: Part }[]): Promise<void> {
    // Told to stop while the databases came up: the roles must not follow.
    if (this.isStopping) throw new StartError('told to stop while starting', exitCodes.stopped);
    await Promise.all(
      parts.map(async ({ layer, part }) => {
        const kept = new KeptPart(part, this.watcher);
        this.parts.push({ layer, kept });
        try {
          await kept.start();
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new StartError(`${part.name} did not start: ${reason}`, exitCodes.unavailable, { cause });
        }
      }),
    );
  }

  /** The processes that run now. */
  get processes(): readonly { readonly layer: Layer; readonly name: string; readonly pid: number }[] {
    return this.parts.flatMap(({ layer, kept }) =>
      kept.pid === undefined ? [] : [{ layer, name: kept.part.name, pid: kept.pid }],
    );
  }

  /** Orderly end of everything, layer by layer. Never rejects. */
  async stop(): Promise<void> {
    this.isStopping = true;
    for (const { layer, patienceMs } of stopOrder) {
      const ending = this.parts.filter((part) => part.layer === layer);
      await Promise.all(ending.map(({ kept }) => kept.stop(patienceMs)));
    }
  }

  /** The disorderly end: everything is durable, and the next start recovers. */
  kill(): void {
    for (const { layer, pid } of this.processes) {
      try {
        process.kill(pid, layer === 'database' ? 'SIGQUIT' : 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
  }
}
