import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { buildProgram } from '../../test/support/built-program.js';
import { eventually, within } from '../../test/support/eventually.js';
import { processesOf, startSupervisor, type SupervisorProcess } from '../../test/support/supervisor-process.js';

const program = 'test/support/fakes/supervisor.mjs';
const serving = /listens on (http:\S+)/;

interface Answer {
  readonly pid: number;
  readonly environment: Record<string, string>;
  readonly config: { readonly environmentKeys: readonly object[]; readonly eventStoreUrl: string };
  readonly argv: readonly string[];
}

describe('the supervisor', () => {
  let directory: string;
  let dataDir: string;
  let started: SupervisorProcess[];

  beforeAll(buildProgram, 150_000);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mc-supervisor-'));
    dataDir = join(directory, 'data');
    started = [];
  });

  afterEach(async () => {
    for (const { child } of started) if (child.exitCode === null) child.kill('SIGTERM');
    await Promise.all(started.map((supervisor) => within('the end of a supervisor', supervisor.exitCode(), 15_000)));
    for (const { pid } of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  const start = (environment: Record<string, string> = {}) => {
    const supervisor = startSupervisor(program, { MC_DATA_DIR: dataDir, PORT: '0', ...environment });
    started.push(supervisor);
    return supervisor;
  };

  const ask = async (url: string): Promise<Answer> => (await (await fetch(url)).json()) as Answer;

  const startedOn = async (supervisor: SupervisorProcess) => (await supervisor.says(serving))[1] ?? '';

  const pidOf = (command: string) => {
    const found = processesOf(dataDir).find((candidate) => candidate.command.includes(command));
    if (found === undefined) throw new Error(`no process runs ${command}`);
    return found.pid;
  };

  const answersFromAnother = (url: string, than: number) =>
    eventually('another api process to answer', async () => {
      const answer = await ask(url).catch(() => undefined);
      return answer !== undefined && answer.pid !== than && answer;
    });

  const nothingRuns = () => eventually('no process to be left', () => processesOf(dataDir).length === 0);

  describe('on a fresh directory', () => {
    it('starts everything, says how to call it, and leaves no process behind when told to stop', async () => {
      const supervisor = start();
      const url = await startedOn(supervisor);
      const [, key = ''] = await supervisor.says(/admin key +(mck_\w{36})/);
      expect(supervisor.printed()).toContain(`${url}/api/docs`);
      expect(supervisor.printed()).toContain(`curl -s -X POST ${url}/api/connect -H "x-api-key: $(cat `);
      expect((await readFile(join(dataDir, 'admin-key'), 'utf8')).trim()).toBe(key);
      expect((await stat(join(dataDir, 'admin-key'))).mode & 0o777).toBe(0o600);

      supervisor.child.kill('SIGTERM');
      expect(await supervisor.exitCode()).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
    });

    it('gives its children hashes and settings, and no key or password by environment or command line', async () => {
      const apiKey = 'the-operator-key-0123456789';
      const others = 'another-key-abcdefghijklmn';
      const supervisor = start({ API_KEY: apiKey, MC_API_KEYS: `${others}:viewer` });
      const answer = await ask(await startedOn(supervisor));
      const password = (await readFile(join(dataDir, 'postgres', 'password'), 'utf8')).trim();
      expect(answer.config.environmentKeys).toHaveLength(2);
      expect(answer.config.eventStoreUrl).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/);
      for (const secret of [apiKey, others, password]) {
        expect(JSON.stringify([answer.environment, answer.argv])).not.toContain(secret);
        expect(supervisor.printed()).not.toContain(secret);
      }
    });

    it('shares the port among several api processes', async () => {
      const url = await startedOn(start({ API_WORKERS: '2' }));
      const seen = new Set<number>();
      await eventually('two processes to answer', async () => seen.add((await ask(url)).pid).size === 2);
    });

    it('stops while it is still starting', async () => {
      const supervisor = start();
      await eventually('the first process to be started', () => processesOf(dataDir).length > 1);
      supervisor.child.kill('SIGINT');
      expect(await supervisor.exitCode()).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
    });
  });

  describe('on a directory that was used before', () => {
    it('starts again, with the same key, which it does not show', async () => {
      const first = start();
      const [, key = ''] = await first.says(/admin key +(mck_\w{36})/);
      await startedOn(first);
      first.child.kill('SIGTERM');
      await first.exitCode();

      const second = start();
      await startedOn(second);
      expect(second.printed()).not.toContain(key);
      expect(second.printed()).toMatch(/key +in .*admin-key/);
    });

    it('recovers from kill -9 of the supervisor: children end, PostgreSQL is adopted, and it says so', async () => {
      const first = start();
      await startedOn(first);
      const postgres = pidOf('bin/postgres');
      first.child.kill('SIGKILL');
      await first.exitCode();

      const second = start();
      await startedOn(second);
      await second.says(new RegExp(`adopted the PostgreSQL server \\(process ${postgres}\\)`));
      second.child.kill('SIGTERM');
      expect(await second.exitCode()).toBe(0);
      await nothingRuns();
    });

    it('recovers from kill -9 of all its processes at once', async () => {
      const first = start();
      await startedOn(first);
      for (const { pid } of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
      await first.exitCode();

      const second = start();
      await ask(await startedOn(second));
    });

    it('ends a child of a killed supervisor that hangs', async () => {
      const first = start({ FAKE_ROLE_HANGS: 'yes' });
      await startedOn(first);
      const hanging = pidOf('fakes/role.mjs');
      process.kill(hanging, 'SIGSTOP');
      first.child.kill('SIGKILL');
      await first.exitCode();

      const second = start();
      await second.says(new RegExp(`\\(process ${hanging}\\) did not end by itself: killed`));
      await startedOn(second);
    });
  });

  describe('when a process dies', () => {
    it('starts the api again on the same address', async () => {
      const supervisor = start();
      const url = await startedOn(supervisor);
      const { pid } = await ask(url);
      process.kill(pid, 'SIGKILL');
      await supervisor.says(/the api ended \(killed by SIGKILL\): starting it again/);
      await answersFromAnother(url, pid);
    });

    it('starts the event store and PostgreSQL again where the roles know them', async () => {
      const supervisor = start();
      const url = await startedOn(supervisor);
      const { config } = await ask(url);
      const port = (await readFile(join(dataDir, 'postgres', 'port'), 'utf8')).trim();
      const store = pidOf('fakes/event-store.mjs');
      const postgres = pidOf('bin/postgres');
      process.kill(store, 'SIGKILL');
      process.kill(postgres, 'SIGKILL');
      await eventually(
        'new processes',
        () => {
          const pids = processesOf(dataDir).map(({ command, pid }) =>
            /event-store\.mjs|bin\/postgres/.test(command) ? pid : 0,
          );
          return !pids.includes(store) && !pids.includes(postgres) && pids.filter((pid) => pid > 0).length >= 2;
        },
        30_000,
      );
      expect(pidOf('fakes/event-store.mjs')).not.toBe(store);
      expect((await ask(url)).config).toEqual(config);
      expect((await readFile(join(dataDir, 'postgres', 'port'), 'utf8')).trim()).toBe(port);
    });

    it('stops everything with a message when a part cannot start', async () => {
      const supervisor = start({ FAKE_ROLE_DIES: 'at start' });
      expect(await supervisor.exitCode()).toBe(69);
      expect(supervisor.printed()).toMatch(/mission-control: .* did not start: exit code 3\n/);
      expect(processesOf(dataDir)).toEqual([]);
    });

    it('ends a role that does not stop when told to', async () => {
      const supervisor = start({ FAKE_ROLE_HANGS: 'yes' });
      await startedOn(supervisor);
      supervisor.child.kill('SIGTERM');
      expect(await supervisor.exitCode()).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
    });
  });

  describe('refuses before anything is started', () => {
    const refusal = async (supervisor: SupervisorProcess) => ({
      code: await supervisor.exitCode(),
      said: supervisor.printed().trim(),
    });

    it('a port in use', async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? String(address.port) : '';
      expect(await refusal(start({ PORT: port }))).toEqual({
        code: 69,
        said: `mission-control: port ${port} on 127.0.0.1 is in use; stop what listens there, or set PORT (0 picks a free one)`,
      });
      await new Promise((resolve) => taken.close(resolve));
    });

    it('a directory that cannot be written', async () => {
      await writeFile(join(directory, 'file'), '');
      const refused = await refusal(start({ MC_DATA_DIR: join(directory, 'file', 'data') }));
      expect(refused.code).toBe(73);
      expect(refused.said).toMatch(
        /^mission-control: the data directory .* cannot be written \(a file is in the way\); set MC_DATA_DIR/,
      );
    });

    it('bad settings, each in a line, without their secrets', async () => {
      const refused = await refusal(start({ PORT: 'http', MC_LOG_LEVEL: 'loud' }));
      expect(refused).toEqual({
        code: 78,
        said: 'mission-control: PORT must be a whole number from 0 to 65535\nmission-control: MC_LOG_LEVEL must be trace, debug, info, warn, error or silent',
      });
      const keys = await refusal(start({ MC_API_KEYS: 'a-key-without-a-role-0123456789' }));
      expect(keys).toEqual({
        code: 78,
        said: 'mission-control: MC_API_KEYS entry 1: has no role: viewer, operator or admin must be named',
      });
    });

    it('price overrides that are no price document, with every fault', async () => {
      const file = join(directory, 'prices.json');
      await writeFile(file, '{"version": "", "models": [], "source": "s"}');
      expect(await refusal(start({ MC_PRICES_FILE: file }))).toEqual({
        code: 78,
        said: expect.stringMatching(
          /^mission-control: MC_PRICES_FILE: version: .*\nmission-control: MC_PRICES_FILE: recordedAt: /,
        ),
      });
    });

    it('production without keys', async () => {
      const refused = await refusal(start({ NODE_ENV: 'production' }));
      expect(refused).toEqual({ code: 78, said: expect.stringContaining('must be set in production') });
    });

    it('a second supervisor on the same directory', async () => {
      const first = start();
      await startedOn(first);
      const second = start();
      expect(await refusal(second)).toEqual({
        code: 75,
        said: expect.stringMatching(new RegExp(`already runs on .* \\(process ${first.pid}\\)`)),
      });
    });
  });
});
