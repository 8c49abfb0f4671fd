import { LmdbStorage } from '../storage/lmdb-storage.js';
import { verifyStore } from '../storage/verify.js';
import { lockDirectory } from './lock-file.js';
import { checkWitness, readWitness } from './witness.js';

interface Look {
  readonly dir: string;
  readonly acceptDataLoss: boolean;
}

const withStore = async <T>({ dir, acceptDataLoss }: Look, use: (storage: LmdbStorage) => T): Promise<T> => {
  const unlock = lockDirectory(dir);
  try {
    const storage = LmdbStorage.open(dir);
    try {
      const witness = readWitness(dir);
      if (witness !== undefined && !acceptDataLoss) checkWitness(storage, witness);
      return use(storage);
    } finally {
      await storage.close();
    }
  } finally {
    unlock();
  }
};

/**
 * Opens the store as a start would, and closes it again.
 * @throws what stands against starting on it
 */
export const lookAtStore = (look: Look): Promise<void> => withStore(look, () => undefined);

/**
 * Reads the whole store.
 * @returns a sentence about what it holds
 * @throws what is wrong with it
 */
export const lookThroughStore = (look: Look): Promise<string> =>
  withStore(look, (storage) => {
    const { events, streams, end } = verifyStore(storage);
    return `The event store is sound: ${events} events in ${streams} streams, up to position ${end}.`;
  });
