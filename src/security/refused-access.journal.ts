import { createHmac } from 'node:crypto';
import { type RefusalDetails, RefusalJournal, type RefusedKind } from '../platform/auth/refusal-journal.js';
import type { Clock } from '../platform/clock/clock.js';
import type { EventStore } from '../platform/event-store/event-store.js';
import type { ProposedMetadata, ProposedEvent } from '../platform/event-store/stored-event.js';
import { networkOf } from '../platform/http/network.js';
import type { RequestContext } from '../platform/http/request-context.js';
import { derivedId, type Ids } from '../platform/ids/ids.js';
import type { Logger } from '../platform/telemetry/logger.js';
import { FoldedRefusals, type RefusedData } from './folded-refusals.js';
import type { AccessRefused } from './security.events.js';

const STREAM = 'security';
const FLUSH_EVERY_MS = 5_000;
const MOST_WAITING = 5_000;
/** A process never tells a stop to wait longer than this for its last minute. */
const STOP_BOUND = { timeoutMs: 1_000, attempts: 1 };

export interface JournalParts {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Under which client addresses are hashed. */
  readonly addressKey: Buffer;
}

/**
 * Writes refused access into stream `security`: counted in memory, appended when its minute is over, one event a (kind,
 * source, reason, minute) and process. While the store is away at most 5,000 events wait; a repeated append carries the same ids.
 */
export class RefusedAccessJournal extends RefusalJournal {
  private readonly folded = new FoldedRefusals();
  private readonly processId: string;
  private waiting: ProposedEvent<AccessRefused>[] = [];
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | undefined;

  constructor(private readonly parts: JournalParts) {
    super();
    this.processId = parts.ids.newId();
  }

  start(): void {
    this.timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush(true);
  }

  record(kind: RefusedKind, context: RequestContext, route?: string, details: RefusalDetails = {}): void {
    const { clientAddress } = context;
    const { credentialId, reason } = details;
    const source = credentialId ?? this.hashed(clientAddress);
    const network = networkOf(clientAddress, { v4: 24, v6: 48 });
    const given = { ...(route === undefined ? {} : { route }), ...(reason === undefined ? {} : { reason }) };
    this.folded.add({ kind, source, network, ...given }, this.parts.clock.now());
  }

  /** Appends what is finished; `all` also takes the running minute. Never rejects: what failed waits for the next turn. */
  flush(all = false): Promise<void> {
    this.flushing ??= this.appendFinished(all).finally(() => {
      this.flushing = undefined;
    });
    return this.flushing;
  }

  private async appendFinished(all: boolean): Promise<void> {
    const finished = this.folded.takeFinished(this.parts.clock.now(), all);
    this.waiting.push(...finished.map((data) => this.proposed(data)));
    if (this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, MOST_WAITING);
    this.waiting = batch;
    try {
      await this.parts.store.append(STREAM, batch, 'any', all ? STOP_BOUND : {});
      this.waiting = this.waiting.slice(batch.length);
    } catch (error) {
      this.parts.logger.warn({ err: error, waiting: batch.length }, 'refused access could not be recorded yet');
    }
  }

  private proposed(data: RefusedData): ProposedEvent<AccessRefused> {
    const id = derivedId('access-refused', this.processId, data.kind, data.source, data.minute, data.reason ?? '');
    const metadata: ProposedMetadata = {
      workspaceId: 1,
      correlationId: id,
      causationId: id,
      actor: { kind: 'system', id: 'security', name: 'security' },
      occurredAt: data.minute,
      recordedAt: this.parts.clock.now().toISOString(),
    };
    return { id, type: 'AccessRefused', data, metadata };
  }

  private hashed(address: string): string {
    return createHmac('sha256', this.parts.addressKey).update(address).digest('hex').slice(0, 16);
  }
}
