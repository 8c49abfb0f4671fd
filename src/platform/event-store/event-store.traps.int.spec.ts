import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { eventually } from '../../../test/support/eventually.js';
import { sampleMetadata } from '../../../test/support/sample-events.js';
import {
  appended,
  caughtUp,
  checkpoint,
  confirmation,
  event,
  startScriptedStore,
  type BatchCall,
  type ReadCall,
  type Script,
} from '../../../test/support/scripted-event-store.js';
import { allEventContracts } from '../../all.events.js';
import { EventRegistry } from './event-registry.js';
import { EventStoreGateway, type GatewayOptions } from './event-store.gateway.js';
import { MalformedEvent, OutcomeUnknown, PositionRefused, ReadRefused } from './event-store.errors.js';
import type { SubscriptionHandler } from './event-store.js';
import { encodeMetadata } from './metadata-codec.js';
import { BEFORE_EVERYTHING } from './position.js';
import type { ProposedEvent } from './stored-event.js';

const registry = new EventRegistry(allEventContracts);
const data = { sequence: 'agent', from: 1, to: 20 };

function allocated(override: object = data): ProposedEvent {
  return { id: randomUUID(), type: 'NumbersAllocated', data: override, metadata: sampleMetadata() };
}

function storedAt(commit: bigint, override: Partial<Parameters<typeof event>[0]> = {}) {
  const metadata = JSON.stringify(encodeMetadata(sampleMetadata(), 1));
  const stream = 'sequence-agent';
  return event({ commit, stream, type: 'NumbersAllocated', data: JSON.stringify(data), metadata, ...override });
}

/** Answers every append with the revision 7. */
function answering(call: BatchCall): void {
  call.on('data', (request) => call.write(appended(request, 7)));
  call.on('end', () => call.end());
}

/** Notes what a subscription hands on, in order. */
function recorder(override: Partial<SubscriptionHandler> = {}) {
  const seen: string[] = [];
  const handler: SubscriptionHandler = {
    events: (batch) => {
      seen.push(...batch.map((entry) => `event ${entry.position.commit}`));
      return Promise.resolve();
    },
    checkpoint: (position) => {
      seen.push(`checkpoint ${position.commit}/${position.prepare}`);
      return Promise.resolve();
    },
    caughtUp: () => void seen.push('caught up'),
    ...override,
  };
  return { seen, handler };
}

function positionAskedFor(call: ReadCall): string {
  const all = call.request.getOptions()?.getAll();
  return all?.hasPosition() === true ? (all.getPosition()?.getCommitPosition() ?? '') : 'start';
}

describe('the traps of client 6.2.1', () => {
  const open: { close(): Promise<void> }[] = [];
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

  async function scripted(script: Script, options: Partial<GatewayOptions> = {}) {
    const server = await startScriptedStore(script);
    const gateway = new EventStoreGateway({ url: server.url, registry, ...options });
    open.unshift(gateway);
    open.push(server);
    return { server, gateway };
  }

  beforeAll(() => void process.on('unhandledRejection', onUnhandled));
  afterAll(() => void process.off('unhandledRejection', onUnhandled));
  afterEach(async () => {
    for (const part of open.splice(0)) await part.close();
    expect(unhandled.splice(0)).toEqual([]);
  });

  describe('an append', () => {
    it('to a silent server is given up by our own timer (trap 1)', async () => {
      const { gateway } = await scripted({ batchAppend: (call) => void call.on('data', () => undefined) });

      const append = gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 100, attempts: 2 });

      await expect(append).rejects.toThrow(OutcomeUnknown);
    });

    it('is given up when the server does not even tell its features (trap 2)', async () => {
      const { gateway } = await scripted({ features: 'silent' });

      const append = gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 100, attempts: 1 });

      await expect(append).rejects.toThrow(OutcomeUnknown);
    });

    it('works again after a failure that the client has cached for ever (trap 2)', async () => {
      const { gateway, server } = await scripted({ features: 'failing', batchAppend: answering });
      const first = gateway.append('sequence-agent', [allocated()], 'any', { attempts: 3 });
      await expect(first).rejects.toThrow(OutcomeUnknown);

      server.script = { batchAppend: answering };

      expect(await gateway.append('sequence-agent', [allocated()], 'any', { attempts: 3 })).toMatchObject({
        revision: 7n,
      });
    });

    it('is repeated with the same ids when the server ends the batch stream with OK (trap 3)', async () => {
      const ids: (string | undefined)[] = [];
      const { gateway } = await scripted({
        batchAppend: (call) => {
          call.on('data', (request) => {
            ids.push(request.getProposedMessagesList()[0]?.getId()?.getString());
            if (ids.length === 1) call.end();
            else call.write(appended(request, 7));
          });
        },
      });
      const proposal = allocated();

      const result = await gateway.append('sequence-agent', [proposal], 'no_stream', { timeoutMs: 1_000 });

      expect(result.revision).toBe(7n);
      expect(ids.length).toBeGreaterThan(1);
      expect(new Set(ids)).toEqual(new Set([proposal.id]));
    });

    it('under way on one server survives the drop of another (trap 6)', async () => {
      const pending: BatchCall[] = [];
      const dropped = await scripted({ batchAppend: (call) => pending.push(call) });
      let held: (() => void) | undefined;
      const slow = await scripted({
        batchAppend: (call) => {
          call.on('data', (request) => {
            held ??= () => undefined;
            if (slow.server.calls.batchAppend > 1 || pending.length === 0) call.write(appended(request, 7));
          });
        },
      });
      const lost = dropped.gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 500, attempts: 1 });
      lost.catch(() => undefined);
      await eventually('the first append under way', () => pending.length === 1);
      const survivor = slow.gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 2_000, attempts: 5 });
      await eventually('the second append under way', () => held !== undefined);

      pending[0]?.emit('error', { code: status.UNAVAILABLE, details: 'scripted' });
      pending.length = 0;

      expect(await survivor).toMatchObject({ revision: 7n });
      await expect(lost).rejects.toThrow(OutcomeUnknown);
    });

    it.each([
      ['a bigint', { ...data, extra: 1n }],
      ['undefined', { ...data, extra: undefined }],
      ['NaN', { ...data, from: Number.NaN }],
      ['a Date', { ...data, extra: new Date() }],
    ])('of data with %s is refused before the client sees it (trap 7)', async (_, broken) => {
      const { gateway, server } = await scripted({ batchAppend: answering });

      await expect(gateway.append('sequence-agent', [allocated(broken)], 'any')).rejects.toThrow(MalformedEvent);

      expect(server.calls.batchAppend).toBe(0);
    });

    it('repeats while the server is down, whatever error that is (trap 11)', async () => {
      const { gateway, server } = await scripted({ batchAppend: answering });
      await server.close();

      await expect(gateway.append('sequence-agent', [allocated()], 'any', { attempts: 2 })).rejects.toThrow(
        OutcomeUnknown,
      );
    });

    it('cannot be made with failures turned into results (trap 12)', async () => {
      const { server } = await scripted({});

      const url = `${server.url}&throwOnAppendFailure=false`;

      expect(() => new EventStoreGateway({ url, registry })).toThrow('throwOnAppendFailure');
    });

    it('is answered after the stream of another client object broke: the answer finds nobody, and nothing throws (trap 18)', async () => {
      const held: (() => void)[] = [];
      const one = await scripted({
        batchAppend: (call) => call.on('data', (request) => held.push(() => void call.write(appended(request, 7)))),
      });
      const other = await scripted({
        batchAppend: (call) => call.on('data', () => call.emit('error', { code: status.UNAVAILABLE })),
      });

      const append = one.gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 60_000, attempts: 3 });
      await eventually('the append is under way', () => held.length === 1);
      await expect(
        other.gateway.append('sequence-agent', [allocated()], 'any', { timeoutMs: 5_000, attempts: 1 }),
      ).rejects.toThrow(OutcomeUnknown);
      await eventually('the repeat of the first one', () => held.length === 2);
      for (const answer of held) answer();

      expect(await append).toMatchObject({ revision: 7n });
    });

    it('among many large ones leaves no unhandled rejection when the connection drops (trap 17)', async () => {
      const { gateway, server } = await scripted({});
      const padding = 'x'.repeat(500_000);
      const large = () => allocated({ ...data, sequence: padding });
      const appends = Array.from({ length: 40 }, () =>
        gateway.append('sequence-agent', [large()], 'any', { timeoutMs: 5_000, attempts: 4 }),
      );
      await eventually('the batch streams', () => server.calls.batchAppend >= 2);

      server.script = { batchAppend: answering };
      await server.drop();

      const results = await Promise.all(appends);
      expect(results.every(({ revision }) => revision === 7n)).toBe(true);
    });
  });

  describe('a subscription', () => {
    const all = { after: BEFORE_EVERYTHING, name: 'test' };

    it('applies a checkpoint only after the events before it, and "caught up" after both (trap 7b)', async () => {
      const { gateway } = await scripted({
        read: (call) => {
          call.write(confirmation());
          for (const commit of [1n, 2n, 3n, 4n]) call.write(storedAt(commit));
          call.write(checkpoint(9n, 0n));
          call.write(caughtUp());
        },
      });
      const { seen, handler } = recorder();

      gateway.subscribeAll({ ...all, maxBatch: 1 }, handler);

      await eventually('caught up', () => seen.includes('caught up'));
      expect(seen).toEqual(['event 1', 'event 2', 'event 3', 'event 4', 'checkpoint 9/0', 'caught up']);
    });

    it('ends with the error of a handler that throws at a checkpoint, instead of stalling (trap 8)', async () => {
      const { gateway } = await scripted({ read: (call) => void call.write(checkpoint(9n, 9n)) });
      const { handler } = recorder({ checkpoint: () => Promise.reject(new Error('broken handler')) });

      const subscription = gateway.subscribeAll(all, handler);

      await expect(subscription.done).rejects.toThrow('broken handler');
    });

    it('goes on after the last event when the server ends it quietly (trap 10)', async () => {
      const asked: string[] = [];
      const { gateway } = await scripted({
        read: (call) => {
          asked.push(positionAskedFor(call));
          call.write(confirmation());
          if (asked.length === 1) {
            call.write(storedAt(5n));
            call.end();
          } else call.write(storedAt(6n));
        },
      });
      const { seen, handler } = recorder();

      gateway.subscribeAll(all, handler);

      await eventually('the event after the end', () => seen.includes('event 6'));
      expect(seen).toEqual(['event 5', 'event 6']);
      expect(asked).toEqual(['start', '5']);
    });

    it('goes on after the last checkpoint when the connection drops (trap 14)', async () => {
      const asked: string[] = [];
      const { gateway, server } = await scripted({
        read: (call) => {
          asked.push(positionAskedFor(call));
          call.write(asked.length === 1 ? checkpoint(40n, 0n) : storedAt(41n));
        },
      });
      const { seen, handler } = recorder();
      gateway.subscribeAll(all, handler);
      await eventually('the checkpoint', () => seen.length === 1);

      await server.drop();

      await eventually('the event after the drop', () => seen.includes('event 41'));
      expect(asked).toEqual(['start', '40']);
    });

    it('hands on nothing twice when a server sends again what was handed on', async () => {
      const { gateway } = await scripted({
        read: (call) => {
          for (const commit of [1n, 2n, 2n, 1n, 3n]) call.write(storedAt(commit));
        },
      });
      const { seen, handler } = recorder();

      gateway.subscribeAll(all, handler);

      await eventually('the last event', () => seen.includes('event 3'));
      expect(seen).toEqual(['event 1', 'event 2', 'event 3']);
    });

    it('ignores a checkpoint that means "the end"', async () => {
      const end = 2n ** 64n - 1n;
      const { gateway } = await scripted({
        read: (call) => {
          call.write(checkpoint(end, end));
          call.write(caughtUp());
          call.write(storedAt(3n));
        },
      });
      const { seen, handler } = recorder();

      gateway.subscribeAll(all, handler);

      await eventually('the event', () => seen.includes('event 3'));
      expect(seen.filter((each) => each.startsWith('checkpoint'))).toEqual([]);
    });

    it('hands on malformed data and metadata as unreadable (trap 15)', async () => {
      const reasons: string[] = [];
      const { gateway } = await scripted({
        read: (call) => {
          call.write(storedAt(1n, { data: '{"sequence":' }));
          call.write(storedAt(2n, { metadata: 'no json' }));
          call.write(storedAt(3n, { data: '{"sequence":7,"from":1,"to":2}' }));
          call.write(storedAt(4n, { type: 'NobodyKnowsThis' }));
        },
      });

      gateway.subscribeAll(all, {
        events: (batch) => {
          reasons.push(...batch.map((entry) => ('unreadable' in entry ? entry.unreadable : 'readable')));
          return Promise.resolve();
        },
      });

      await eventually('four entries', () => reasons.length === 4);
      expect(reasons).toEqual(['malformed', 'malformed', 'malformed', 'unknown-type']);
    });

    it('skips links and system events', async () => {
      const { gateway } = await scripted({
        read: (call) => {
          call.write(storedAt(1n, { stream: '$$sequence-agent', type: '$metadata' }));
          call.write(storedAt(2n, { stream: 'links', type: '$>' }));
          call.write(storedAt(3n));
        },
      });
      const { seen, handler } = recorder();

      gateway.subscribeAll(all, handler);

      await eventually('an event', () => seen.length > 0);
      expect(seen).toEqual(['event 3']);
    });

    it('subscribes again when the server forgot it while the log moved on', async () => {
      let subscriptions = 0;
      const { gateway } = await scripted(
        {
          read: (call) => {
            if (call.request.getOptions()?.hasSubscription() !== true) {
              call.write(storedAt(8n));
              call.end();
              return;
            }
            subscriptions++;
            call.write(confirmation());
            if (subscriptions > 1) call.write(storedAt(8n));
          },
        },
        { watchdogMs: 50 },
      );
      const { seen, handler } = recorder();

      gateway.subscribeAll(all, handler);

      await eventually('the event', () => seen.includes('event 8'));
    });

    it.each([
      ['of the server itself', '$$heartbeat-1'],
      ['that it leaves out', 'heartbeat-1'],
    ])('goes on as it is when the log moved on in a stream %s', async (_, stream) => {
      let subscriptions = 0;
      let looks = 0;
      const { gateway } = await scripted(
        {
          read: (call) => {
            if (call.request.getOptions()?.hasSubscription() === true) {
              subscriptions++;
              call.write(confirmation());
              return;
            }
            looks++;
            call.write(storedAt(BigInt(8 + looks), { stream }));
            call.end();
          },
        },
        { watchdogMs: 20 },
      );

      gateway.subscribeAll({ ...all, filter: { withoutStreamPrefixes: ['heartbeat-'] } }, recorder().handler);

      await eventually('several looks', () => looks >= 8);
      expect(subscriptions).toBe(1);
    });

    it('ends with an error when the store does not know the position', async () => {
      const { gateway } = await scripted({
        read: (call) => void call.emit('error', { code: status.INVALID_ARGUMENT, details: 'scripted' }),
      });

      const { done } = gateway.subscribeAll({ ...all, after: { commit: 5n, prepare: 5n } }, recorder().handler);

      await expect(done).rejects.toThrow(PositionRefused);
    });

    it('ends with an error when access is denied', async () => {
      const { gateway } = await scripted({
        read: (call) => void call.emit('error', { code: status.UNAUTHENTICATED, details: 'scripted' }),
      });

      await expect(gateway.subscribeAll(all, recorder().handler).done).rejects.toThrow(ReadRefused);
    });

    it('cancels its call when it is stopped', async () => {
      let cancelled = false;
      const { gateway } = await scripted({
        read: (call) => {
          call.on('cancelled', () => (cancelled = true));
          call.write(storedAt(1n));
        },
      });
      const { seen, handler } = recorder();
      const subscription = gateway.subscribeAll(all, handler);
      await eventually('an event', () => seen.length === 1);

      await subscription.stop();

      await eventually('the call cancelled', () => cancelled);
      await expect(subscription.done).resolves.toBeUndefined();
    });
  });

  describe('a read', () => {
    it('of a server that goes silent in the middle is given up and cancelled (trap 9)', async () => {
      let openCalls = 0;
      const { gateway, server } = await scripted(
        {
          read: (call) => {
            openCalls++;
            call.on('cancelled', () => openCalls--);
            call.write(storedAt(1n));
          },
        },
        { readTimeoutMs: 30 },
      );

      await expect(gateway.readStream('sequence-agent')).rejects.toThrow('could not read');

      expect(server.calls.read).toBeGreaterThan(1);
      await eventually('no open call', () => openCalls === 0);
    });
  });
});
