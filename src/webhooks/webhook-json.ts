import type { ListedAttempt, ListedWebhook } from '../../projections/webhooks/webhooks.queries.js';
import { messageIdOf } from './webhook-message.js';
import type { Sent } from './dispatch/webhook-sender.js';

const MASK = '••••••';

export function maskedSecret(secret: string | undefined): string | null {
  return secret === undefined ? null : `${MASK}${secret.slice(-4)}`;
}

export function webhookJson(row: ListedWebhook, secret: string | undefined) {
  const blocked = row.order === 'strict' && row.enabled ? row.oldestPending : null;
  return {
    id: row.webhookId,
    name: row.name,
    url: row.url,
    secret: row.secret === null ? null : maskedSecret(secret),
    events: row.events,
    order: row.order,
    headers: Object.fromEntries(row.headerNames.map((name) => [name, MASK])),
    enabled: row.enabled,
    disabled_reason: row.disabledReason,
    last_fired_at: row.lastFiredAt === null ? null : secondsOf(row.lastFiredAt),
    last_status: row.lastFiredAt === null ? null : (row.lastStatus ?? -1),
    created_by: row.createdBy,
    created_at: secondsOf(row.createdAt),
    updated_at: secondsOf(row.updatedAt),
    consecutive_failures: row.consecutiveFailures,
    failing_since: row.failingSince === null ? null : secondsOf(row.failingSince),
    workspace_id: row.workspaceId,
    total_deliveries: row.total,
    successful_deliveries: row.successful,
    failed_deliveries: row.failed,
    circuit_open: !row.enabled && row.disabledReason !== 'paused',
    pending_deliveries: row.pending,
    dead_deliveries: row.dead,
    blocked_by: blocked === null ? null : messageIdOf(blocked.deliveryId),
    blocked_since: blocked === null ? null : secondsOf(blocked.since),
  };
}

export function attemptJson(
  row: ListedAttempt,
  workspaceId: number,
  payload: string | null,
  responseBody: string | null,
) {
  return {
    id: row.id,
    webhook_id: row.webhookId,
    event_type: row.event,
    payload,
    status_code: row.status,
    response_body: responseBody,
    error: row.error,
    duration_ms: row.durationMs,
    created_at: secondsOf(row.at),
    attempt: row.attempt,
    next_retry_at: row.state === 'pending' && row.nextAttemptAt !== null ? secondsOf(row.nextAttemptAt) : null,
    is_retry: row.id !== row.firstId,
    parent_delivery_id: row.id === row.firstId ? null : row.firstId,
    workspace_id: workspaceId,
    webhook_name: row.webhookName,
    webhook_url: row.webhookUrl,
    message_id: messageIdOf(row.deliveryId),
    run: row.run,
    state: row.state,
  };
}

export function sentJson({ figures, succeeded, excerpt }: Sent, deliveryId: number | null) {
  return {
    success: succeeded,
    status_code: figures.status,
    response_body: excerpt === '' ? null : excerpt,
    error: figures.error,
    duration_ms: figures.durationMs,
    delivery_id: deliveryId,
  };
}

function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1_000);
}
