import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startNode } from '../../embedded/event-store/index.js';
import { buildProgram } from '../support/built-program.js';
import { eventually } from '../support/eventually.js';
import { openStream } from '../support/sse-client.js';
import { startSupervisor, type SupervisorProcess } from '../support/supervisor-process.js';

const key = 'restore-test-key-0123456789-abcdefgh';
const headers = { 'x-api-key': key, 'content-type': 'application/json' };

describe('a backup of the embedded store, restored as docs/how-to/back-up-and-restore.md says', () => {
  let dir: string;
  let system: SupervisorProcess | undefined;

  beforeAll(buildProgram, 150_000);
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mc-restore-'));
  });
  afterEach(async () => {
    await stop();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  const dataDir = () => join(dir, 'data');

  async function start(): Promise<string> {
    system = startSupervisor('dist/src/supervisor/main.js', {
      PORT: '0',
      MC_DATA_DIR: dataDir(),
      API_KEY: key,
      MC_LOG_LEVEL: 'warn',
    });
    const [, url = ''] = await system.says(/listens on (http:\S+)/);
    return url;
  }

  async function stop(): Promise<void> {
    system?.child.kill('SIGTERM');
    await system?.exitCode();
    system = undefined;
  }

  async function connect(url: string, name: string): Promise<string> {
    const body = JSON.stringify({ tool_name: 'test', agent_name: name });
    const answer = await fetch(`${url}/api/connect`, { method: 'POST', headers, body });
    expect({ status: answer.status, body: await answer.text() }).toMatchObject({ status: 200 });
    return answer.headers.get('x-mc-position') ?? '';
  }

  it('shows what the backup holds, and tells a listener with a later position that it is foreign', async () => {
    await connect(await start(), 'kept');
    await stop();
    await cp(join(dataDir(), 'event-store'), join(dir, 'backup'), { recursive: true });
    const lost = await connect(await start(), 'lost');
    await stop();

    await rm(join(dataDir(), 'event-store'), { recursive: true });
    await rm(join(dataDir(), 'postgres'), { recursive: true });
    await cp(join(dir, 'backup'), join(dataDir(), 'event-store'), { recursive: true });
    const node = await startNode({ dir: join(dataDir(), 'event-store') });
    await promisify(execFile)(process.execPath, ['dist/cli/log-generation.js', 'new', '--event-store', node.url]);
    await node.close();
    const url = await start();

    await eventually('the agents of the backup', async () => {
      const { agents } = (await (await fetch(`${url}/api/agents`, { headers })).json()) as {
        agents?: { name: string }[];
      };
      return agents?.length === 1 && agents[0]?.name === 'kept';
    });
    const stream = await openStream(`${url}/api/events`, { headers: { 'x-api-key': key }, lastEventId: lost });
    const reset = await eventually('a reset', () => stream.events.find(({ data }) => data.includes('"type":"reset"')));
    stream.cut();
    expect(JSON.parse(reset.data)).toMatchObject({ data: { reason: 'foreign' } });
  }, 240_000);
});
