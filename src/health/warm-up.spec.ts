import { describe, expect, it } from '@jest/globals';
import { WarmUp } from './warm-up.js';

describe('warming up', () => {
  it('is over when every part has reached what it stands on', async () => {
    let reach = () => {};
    const store = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const warmUp = new WarmUp([Promise.resolve(), store], 60_000);
    await Promise.resolve();
    expect(warmUp.isOver).toBe(false);
    reach();
    await warmUp.end();
    expect(warmUp.isOver).toBe(true);
  });

  it('does not wait for ever for a part that is away', async () => {
    const warmUp = new WarmUp([new Promise(() => {})], 1);
    await warmUp.end();
    expect(warmUp.isOver).toBe(true);
  });
});
