import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { comparePositions } from '../../src/platform/event-store/position.js';
import { LOG_ADVANCED, type LogAdvanced } from '../../src/platform/hints/hints.js';
import { PostgresReadModelProgress } from '../../src/platform/read-models/postgres-progress.js';
import { startApplication, type Application } from '../support/application.js';
import { eventually } from '../support/eventually.js';

describe('the hint that the log has advanced', () => {
  let app: Application;

  beforeAll(async () => {
    app = await startApplication();
  }, 120_000);
  afterAll(async () => app.close());

  it('tells the read models how far the log has come, when the tail has seen it', async () => {
    const [replica] = app.replicas;
    const hints = replica?.get(EventEmitter2, { strict: false });
    const progress = replica?.get(PostgresReadModelProgress, { strict: false });
    let taken = false;
    hints?.on(LOG_ADVANCED, ({ position }: LogAdvanced) => {
      taken ||= progress?.head !== undefined && comparePositions(progress.head, position) >= 0;
    });

    // One hint may be left out: the next one is as good.
    await eventually('a hint that was taken', async () => {
      await app.call('POST', '/api/connect', { body: { tool_name: 'test', agent_name: 'scout' } });
      return taken;
    });
    expect(hints?.listenerCount(LOG_ADVANCED)).toBe(2);
  });
});
