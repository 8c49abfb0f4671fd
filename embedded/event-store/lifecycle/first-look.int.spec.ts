import { describe, expect, it } from '@jest/globals';
import { UnreadableStore, lookInChild } from './first-look.js';

const refusal = async (script: string): Promise<UnreadableStore> => {
  try {
    await lookInChild(['-e', script]);
  } catch (error) {
    if (error instanceof UnreadableStore) return error;
  }
  throw new Error('it was not refused');
};

describe('the first look', () => {
  it('hands back what the other process found', async () => {
    expect(await lookInChild(['-e', 'console.log("sound")'])).toBe('sound');
  });

  it('turns the death of the other process into a message', async () => {
    const { message, exitCode } = await refusal('process.kill(process.pid, "SIGSEGV")');
    expect(message).toContain('SIGSEGV');
    expect(exitCode).toBe(65);
  });

  it('passes on why the store cannot be opened', async () => {
    const { message, exitCode } = await refusal('console.error("in use"); process.exit(1)');
    expect(message).toBe('in use');
    expect(exitCode).toBe(1);
  });
});
