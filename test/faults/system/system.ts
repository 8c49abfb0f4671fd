import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { superuser } from '../../../embedded/postgres/cluster.js';
import { eventually, within } from '../../support/eventually.js';
import { processesOf, startSupervisor, type SupervisorProcess } from '../../support/supervisor-process.js';
import { eventStorePort, killAll, postgresPort } from './processes.js';

export const adminKey = 'fault-harness-key-0123456789-abcdef';

const READY_BOUND_MS = 30_000;

/**
 * The real program as `npm start` runs it: a supervisor with the embedded parts as processes, with the settings of
 * production, on a data directory of its own below the system's temporary one.
 */
export class SystemUnderTest {
  #supervisor: SupervisorProcess | undefined;
  #earlierOutput = '';
  #port = 0;

  private constructor(
    private readonly script: string,
    readonly dataDir: string,
    private readonly apiWorkers: number,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** `programDir` holds a built `dist`. */
  static async start(
    programDir: string,
    options: { readonly apiWorkers?: number; readonly settings?: Readonly<Record<string, string>> } = {},
  ): Promise<SystemUnderTest> {
    const dataDir = await mkdtemp(join(tmpdir(), 'mc-faults-'));
    const script = join(programDir, 'dist', 'src', 'supervisor', 'main.js');
    const system = new SystemUnderTest(script, dataDir, options.apiWorkers ?? 1, options.settings ?? {});
    try {
      await system.boot();
    } catch (error) {
      await system.remove();
      throw error;
    }
    return system;
  }

  /** The same after every restart, so that callers find it again. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get supervisorPid(): number {
    if (this.#supervisor === undefined) throw new Error('the system does not run');
    return this.#supervisor.pid;
  }

  get eventStoreUrl(): string {
    return `esdb://127.0.0.1:${eventStorePort(this.dataDir)}?tls=false`;
  }

  async databaseUrl(): Promise<string> {
    const password = (await readFile(join(this.dataDir, 'postgres', 'password'), 'utf8')).trim();
    const port = postgresPort(this.dataDir);
    return `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${superuser}`;
  }

  /** Everything that all its processes have printed. */
  get output(): string {
    return this.#earlierOutput + (this.#supervisor?.printed() ?? '');
  }

  /** Starts the supervisor, on the port it had before, and waits until it serves. */
  async boot(): Promise<void> {
    this.#earlierOutput = this.output;
    this.#supervisor = startSupervisor(this.script, {
      MC_DATA_DIR: this.dataDir,
      PORT: String(this.#port),
      API_KEY: adminKey,
      API_WORKERS: String(this.apiWorkers),
      MC_RATE_LIMIT: 'off',
      MC_LOG_FORMAT: 'json',
      MC_LOG_LEVEL: 'warn',
      ...this.settings,
    });
    const supervisor = this.#supervisor;
    const ended = supervisor.exitCode().then((code) => {
      throw new Error(`the supervisor ended with exit code ${code} instead of serving:\n${supervisor.printed()}`);
    });
    const said = await Promise.race([supervisor.says(/listens on http:\/\/127\.0\.0\.1:(\d+)/), ended]);
    this.#port = Number(said[1]);
    await this.untilReady();
  }

  /** Resolves when it says that it is ready. Rejects after 30 s. */
  async untilReady(): Promise<void> {
    await eventually('the system to be ready again', () => this.isReady(), READY_BOUND_MS);
  }

  /** Every process of the system at once. */
  async killEverything(): Promise<readonly number[]> {
    const pids = this.processes();
    await killAll(pids);
    return pids;
  }

  /** Orderly end. Gives the exit code and what is still running. */
  async stop(): Promise<{ readonly exitCode: number | null; readonly leftOver: readonly string[] }> {
    const supervisor = this.#supervisor;
    if (supervisor === undefined) throw new Error('the system does not run');
    supervisor.child.kill('SIGTERM');
    const exitCode = await within('the orderly end of the system', supervisor.exitCode(), 30_000);
    return { exitCode, leftOver: processesOf(this.dataDir).map(({ command }) => command) };
  }

  /** Ends what is left and removes the data. */
  async remove(): Promise<void> {
    await this.killEverything();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  processes(): readonly number[] {
    return processesOf(this.dataDir).map(({ pid }) => pid);
  }

  private async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/api/health/ready`, { signal: AbortSignal.timeout(3_000) });
      return ((await answer.json()) as { status?: string }).status === 'ready';
    } catch {
      return false;
    }
  }
}
