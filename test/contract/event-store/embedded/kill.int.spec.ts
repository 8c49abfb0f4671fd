import { expect, it } from '@jest/globals';
import { newDataDirectory, removeDirectory } from '../../../support/event-store-node.js';
import { spawnEventStoreNode } from '../../../support/event-store-process.js';
import { connect, describeEmbedded, dispose } from '../target.js';
import { Ledger, spotless } from './acknowledged.js';

const rounds = Number(process.env['MC_CONTRACT_KILLS'] ?? 3);
const writers = Number(process.env['MC_CONTRACT_KILL_WRITERS'] ?? 16);

describeEmbedded('kill -9 under load', 'the process is not ours to kill', () => {
  it(
    `loses, doubles and skips nothing that was acknowledged, ${rounds} times in a row`,
    async () => {
      const dir = await newDataDirectory();
      const ledger = new Ledger();
      try {
        for (let round = 0; round < rounds; round++) {
          const node = await spawnEventStoreNode({ dir });
          const client = connect(node.url);
          const goal = ledger.acknowledged.length + 150 + round * 40;
          let isKilled = false;
          const writing = Promise.all(
            Array.from({ length: writers }, async (_, writer) => {
              for (let n = 0; !isKilled; n++) {
                await ledger.append(client, `killed-${writer}`, 1 + ((n + writer) % 3));
                if (!isKilled && ledger.acknowledged.length >= goal) {
                  isKilled = true;
                  await node.kill('SIGKILL');
                }
              }
            }),
          );
          await writing;
          await dispose(client);
        }

        const node = await spawnEventStoreNode({ dir });
        const client = connect(node.url);
        const afterKills = await ledger.judge(client, 'killed-');
        expect(afterKills).toMatchObject(spotless);

        for (let writer = 0; writer < writers; writer++) {
          expect(await ledger.append(client, `killed-${writer}`, 1)).toBe(true);
        }
        const settled = await ledger.judge(client, 'killed-');
        expect(settled).toMatchObject(spotless);
        console.info(`${rounds} kills under ${writers} writers: ${JSON.stringify(settled)}`);
        await dispose(client);
        expect(await node.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      } finally {
        await removeDirectory(dir);
      }
    },
    20_000 + rounds * 10_000,
  );
});
