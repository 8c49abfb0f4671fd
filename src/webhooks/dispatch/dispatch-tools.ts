import type { Clock } from '../../platform/clock/clock.js';
import type { EventStore } from '../../platform/event-store/event-store.js';
import type { LogGeneration } from '../../platform/event-store/log-generation.js';
import type { Ids } from '../../platform/ids/ids.js';
import type { Logger } from '../../platform/telemetry/logger.js';
import type { ResponseExcerpts } from '../response-excerpts.js';
import type { WebhookWriter } from '../webhook-writer.js';
import type { DeliveryStreams } from './delivery-stream.js';
import type { DispatchMetrics } from './dispatch-metrics.js';
import type { WebhookSender } from './webhook-sender.js';

/** Everything that a dispatcher works with. */
export interface DispatchTools {
  readonly store: EventStore;
  readonly generation: LogGeneration;
  readonly streams: DeliveryStreams;
  readonly sender: WebhookSender;
  readonly writer: WebhookWriter;
  readonly excerpts: Pick<ResponseExcerpts, 'note'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: DispatchMetrics;
  readonly random: () => number;
  /** Most messages a second to one endpoint. */
  readonly perSecond: number;
  /** Every wait of the schedule is so much shorter: 1, but for rehearsals. */
  readonly factor: number;
  readonly saveEveryMs: number;
}
