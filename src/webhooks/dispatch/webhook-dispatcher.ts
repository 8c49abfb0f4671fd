import { RepeatingJob } from '../../platform/clock/repeating-job.js';
import { systemContext } from '../../platform/command/command-context.js';
import { backoffMs, pause } from '../../platform/event-store/backoff.js';
import { PositionRefused } from '../../platform/event-store/event-store.errors.js';
import { isReadable, type LogEntry, type Subscription } from '../../platform/event-store/event-store.js';
import { BEFORE_EVERYTHING, isAfter, type Position } from '../../platform/event-store/position.js';
import type { StoredEvent } from '../../platform/event-store/stored-event.js';
import type { NumbersAllocated } from '../../platform/numbers/numbers.events.js';
import { logEnd } from '../../platform/event-store/log-end.js';
import { positionOf } from '../log-place.js';
import { factOf, type WebhookFact } from '../webhook-facts.js';
import { webhookStream } from '../webhook.decider.js';
import { webhookOfDeliveries } from './delivery-stream.js';
import type { WebhookEvent, WebhookReplayRequested } from '../webhooks.events.js';
import type { DispatchTools } from './dispatch-tools.js';
import { EndpointHealth } from './endpoint-health.js';
import { EndpointRun, type RunSource } from './endpoint-run.js';
import { EndpointView } from './endpoint-view.js';
import { WITHOUT_FACTS } from './facts-of-log.js';
import { OutcomeLog } from './outcome-log.js';
import { Pace } from './pace.js';

const STREAM = 'webhook-';
const TICK_MS = 100;
const RETRY_MS = { first: 100, last: 5_000 };
const LOADED_AT_ONCE = 16;

interface Endpoint {
  readonly view: EndpointView;
  readonly health: EndpointHealth;
  readonly pace: Pace;
  readonly outcomes: OutcomeLog;
  /** `live`, and a run a replay. */
  readonly runs: Map<string, EndpointRun>;
}

/**
 * Tells endpoints of facts. One reader follows the log for all of them; an endpoint that cannot keep up reads on by itself
 * and delays nobody. While there is no endpoint only the news of endpoints are read. What is to be sent, and what was sent,
 * follows from the log alone.
 */
export class WebhookDispatcher {
  private readonly endpoints = new Map<number, Endpoint>();
  private readonly stopping = new AbortController();
  private subscription: Subscription | undefined;
  private position: Position = BEFORE_EVERYTHING;
  private horizon: Position = BEFORE_EVERYTHING;
  private running: Promise<void> | undefined;
  private ticks: RepeatingJob | undefined;
  private saving: RepeatingJob | undefined;

  constructor(private readonly tools: DispatchTools) {}

  /** Returns at once; the store may be away. */
  start(): void {
    this.running ??= this.begin();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.subscription?.stop();
    await this.ticks?.stop();
    await this.saving?.stop();
    await Promise.all([...this.endpoints.values()].map(stopped));
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private allRuns(): readonly EndpointRun[] {
    return [...this.endpoints.values()].flatMap(({ runs }) => [...runs.values()]);
  }

  private async begin(): Promise<void> {
    const { logger, generation, store } = this.tools;
    for (let attempt = 0; !this.isStopped; attempt += 1) {
      try {
        if (!generation.isKnown) throw new Error('the generation of the log is not known yet');
        this.horizon = await logEnd(store);
        this.position = this.horizon;
        await this.loadEndpoints();
        if (this.isStopped) return;
        for (const endpoint of this.endpoints.values()) this.startRuns(endpoint);
        this.subscribe();
        this.ticks = new RepeatingJob(
          TICK_MS,
          () => Promise.resolve(this.pumpAll()),
          (error) => logger.error({ err: error }, 'the webhook dispatcher stumbled'),
        );
        this.saving = new RepeatingJob(
          this.tools.saveEveryMs,
          async () => {
            for (const run of this.allRuns()) await run.saveWhenWorthIt();
          },
          () => undefined,
        );
        return;
      } catch (error) {
        if (attempt === 5) logger.warn({ err: error }, 'the webhook dispatcher cannot begin yet');
        this.endpoints.clear();
        await pause(backoffMs(attempt, RETRY_MS.first, RETRY_MS.last), this.stopping.signal);
      }
    }
  }

  /** Endpoints are numbered from 1: those that there may be are looked at. */
  private async loadEndpoints(): Promise<void> {
    const [entry] = (await this.tools.store.readStreamBackwards('sequence-webhook', { max: 1 })) ?? [];
    const last = entry !== undefined && isReadable(entry) ? (entry.data as NumbersAllocated['data']).to : 0;
    for (let from = 1; from <= last; from += LOADED_AT_ONCE) {
      const ids = Array.from({ length: Math.min(LOADED_AT_ONCE, last - from + 1) }, (_, index) => from + index);
      const streams = await Promise.all(ids.map((id) => this.tools.store.readStream(webhookStream(id))));
      for (const event of streams.flatMap((entries) => entries ?? [])) this.learn(event);
    }
    for (const [id, { view }] of this.endpoints) if (view.state.kind !== 'active') this.endpoints.delete(id);
  }

  private learn(entry: LogEntry): Endpoint | undefined {
    if (!isReadable(entry)) return undefined;
    const event = entry as StoredEvent<WebhookEvent>;
    const { webhookId } = event.data;
    let endpoint = this.endpoints.get(webhookId);
    if (endpoint === undefined) {
      if (event.type !== 'WebhookRegistered') return undefined;
      endpoint = this.endpointOf(new EndpointView(webhookId));
      this.endpoints.set(webhookId, endpoint);
    }
    if (!endpoint.view.apply(event)) return undefined;
    endpoint.health.viewChanged();
    return endpoint;
  }

  private endpointOf(view: EndpointView): Endpoint {
    const runs = new Map<string, EndpointRun>();
    const outcomes = new OutcomeLog(view.webhookId, this.tools, (event) => {
      for (const run of runs.values()) run.heard(event);
    });
    const health = new EndpointHealth(view, this.tools);
    return { view, health, pace: new Pace(this.tools.perSecond), outcomes, runs };
  }

  private subscribe(): void {
    const isIdle = this.endpoints.size === 0;
    const options = {
      after: this.position,
      filter: isIdle ? { streamPrefixes: [STREAM] } : { withoutStreamPrefixes: WITHOUT_FACTS },
      name: 'webhooks',
      maxBatch: 512,
    };
    const subscription = this.tools.store.subscribeAll(options, {
      events: (entries) => {
        if (this.isStopped || this.subscription !== subscription) return Promise.resolve();
        if (isIdle) this.awaitEndpoint(entries);
        else this.take(entries);
        return Promise.resolve();
      },
    });
    this.subscription = subscription;
    subscription.done.catch(async (error: unknown) => {
      if (this.isStopped || this.subscription !== subscription) return;
      this.tools.logger.error({ err: error }, 'the webhook dispatcher lost the log; it goes on where it was');
      if (error instanceof PositionRefused) this.position = BEFORE_EVERYTHING;
      await pause(RETRY_MS.last, this.stopping.signal);
      if (!this.isStopped) this.subscribe();
    });
  }

  /** From the first endpoint on everything is read. */
  private awaitEndpoint(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (!isAfter(entry.position, this.position)) continue;
      this.follow(entry);
      this.position = entry.position;
      if (this.endpoints.size === 0) continue;
      void this.subscription?.stop().catch(() => undefined);
      this.subscribe();
      return;
    }
  }

  private take(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (!isAfter(entry.position, this.position)) continue;
      if (entry.stream.startsWith(STREAM)) this.follow(entry);
      const webhookId = webhookOfDeliveries(entry.stream);
      if (webhookId !== undefined) this.endpoints.get(webhookId)?.outcomes.seen(entry.revision);
      if (this.endpoints.size > 0) this.offer(entry.position, factOf(entry));
      this.position = entry.position;
    }
    this.pumpAll();
  }

  private offer(position: Position, fact: WebhookFact | undefined): void {
    for (const { runs } of this.endpoints.values()) runs.get('live')?.offer(position, fact);
  }

  /** A fact about an endpoint itself. */
  private follow(entry: LogEntry): void {
    const endpoint = this.learn(entry);
    if (endpoint === undefined) return;
    const { view, runs } = endpoint;
    if (view.state.kind === 'removed') {
      this.endpoints.delete(view.webhookId);
      this.tools.sender.forget(view.webhookId);
      void stopped(endpoint);
      return;
    }
    this.startRuns(endpoint);
    for (const run of runs.values()) run.stateChanged();
  }

  private startRuns(endpoint: Endpoint): void {
    const { view, runs } = endpoint;
    if (!runs.has('live')) this.run(endpoint, this.liveSource(view), () => undefined);
    for (const request of view.replays.values()) {
      if (!runs.has(request.replayId)) this.startReplay(endpoint, request);
    }
  }

  private liveSource(view: EndpointView): RunSource {
    return {
      id: 'live',
      nameFor: (fact) => view.ownNameFor(fact),
      after: view.startedAt,
      until: () => this.position,
      endsAt: undefined,
      isNew: isAfter(view.startedAt, this.horizon),
      isDone: ({ succeeded, died }) => succeeded || died,
    };
  }

  private startReplay(endpoint: Endpoint, request: WebhookReplayRequested['data']): void {
    const { view } = endpoint;
    const { replayId, onlyDead } = request;
    const until = positionOf(request.until);
    let dead: ReadonlySet<string> = new Set();
    const source: RunSource = {
      id: replayId,
      nameFor: (fact) => (isAfter(fact.position, until) ? undefined : view.replayNameFor(fact, request)),
      after: request.after === null ? BEFORE_EVERYTHING : positionOf(request.after),
      until: () => until,
      endsAt: until,
      isNew: isAfter(until, this.horizon),
      prepare: async () => {
        if (onlyDead) dead = await this.tools.streams.dead(view.webhookId);
      },
      isDone: ({ finishedInRun }, deliveryId) => finishedInRun || (onlyDead && !dead.has(deliveryId)),
    };
    this.run(endpoint, source, () => {
      const { writer, ids, clock, logger } = this.tools;
      const context = systemContext('webhooks', view.workspaceId, ids.newId(), ids.newId(), clock.now());
      writer.execute(context, { type: 'FinishReplay', webhookId: view.webhookId, replayId }).then(
        () => endpoint.runs.delete(replayId),
        (error: unknown) => {
          // The next start finds nothing left to do in it, and says so then.
          logger.warn({ err: error, replayId }, 'the end of a replay was not written');
        },
      );
    });
  }

  private run({ view, health, pace, outcomes, runs }: Endpoint, source: RunSource, onEnd: () => void): void {
    const run = new EndpointRun(view, health, pace, outcomes, source, this.tools, {
      onEnd,
      onWritten: (event) => {
        if (runs.size > 1) for (const other of runs.values()) if (other !== run) other.heard(event);
      },
    });
    runs.set(source.id, run);
    run.start();
  }

  private pumpAll(): void {
    for (const { runs } of this.endpoints.values()) for (const run of runs.values()) run.pump();
  }
}

async function stopped({ runs, outcomes }: Endpoint): Promise<void> {
  await Promise.all([...runs.values()].map((run) => run.stop()));
  await outcomes.stop();
}
