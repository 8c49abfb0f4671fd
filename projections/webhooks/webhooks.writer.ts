import type { WebhookEvent } from '../../src/webhooks/webhooks.events.js';
import { plainArray, textArray } from '../engine/pg-array.js';
import type { Stored } from '../engine/projection.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { AttemptRow, CounterChange, DeliveryRow, WebhooksChanges } from './webhooks.fold.js';

export async function writeWebhooks(
  transaction: SqlTransaction,
  { endpoints, deliveries, attempts, counters }: WebhooksChanges,
  version: number,
): Promise<void> {
  for (const event of endpoints) await applyEndpoint(transaction, event, version);
  const sorted = [...deliveries.values()].sort((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
  await upsertDeliveries(transaction, sorted, version);
  await insertAttempts(transaction, attempts, version);
  await addCounters(
    transaction,
    [...counters.values()].sort((a, b) => a.webhookId - b.webhookId),
    version,
  );
}

async function upsertDeliveries(transaction: SqlTransaction, rows: readonly DeliveryRow[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `webhook_deliveries_upsert_v${v}`,
    text: `
      insert into webhook_deliveries_v${v} as d (
        delivery_id, webhook_id, event, stream, revision, source_position, counts, state, first_id, last_id)
      select * from unnest(
        $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[], $8::smallint[],
        $9::bigint[], $10::bigint[])
      on conflict (delivery_id) do update
         set counts = d.counts or excluded.counts,
             state = greatest(d.state, excluded.state),
             last_id = excluded.last_id`,
    values: [
      plainArray(rows.map((row) => row.deliveryId)),
      plainArray(rows.map((row) => row.webhookId)),
      textArray(rows.map((row) => row.event)),
      textArray(rows.map((row) => row.stream)),
      plainArray(rows.map((row) => row.revision)),
      plainArray(rows.map((row) => row.sourcePosition)),
      plainArray(rows.map((row) => row.counts)),
      plainArray(rows.map((row) => row.state)),
      plainArray(rows.map((row) => row.firstId)),
      plainArray(rows.map((row) => row.lastId)),
    ],
  });
}

async function insertAttempts(transaction: SqlTransaction, rows: readonly AttemptRow[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `webhook_attempts_insert_v${v}`,
    text: `
      insert into webhook_attempts_v${v} (
        id, event_id, delivery_id, webhook_id, event, run, state, attempt, status, error, duration_ms, at,
        next_attempt_at)
      select * from unnest(
        $1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::smallint[], $8::integer[],
        $9::integer[], $10::text[], $11::integer[], $12::timestamptz[], $13::timestamptz[])
      on conflict (id) do nothing`,
    values: [
      plainArray(rows.map((row) => row.id)),
      plainArray(rows.map((row) => row.eventId)),
      plainArray(rows.map((row) => row.deliveryId)),
      plainArray(rows.map((row) => row.webhookId)),
      textArray(rows.map((row) => row.event)),
      textArray(rows.map((row) => row.run)),
      plainArray(rows.map((row) => row.state)),
      plainArray(rows.map((row) => row.attempt)),
      plainArray(rows.map((row) => row.status)),
      textArray(rows.map((row) => row.error)),
      plainArray(rows.map((row) => row.durationMs)),
      textArray(rows.map((row) => row.at)),
      textArray(rows.map((row) => row.nextAttemptAt)),
    ],
  });
}

/** Without a success in the batch its failures are more of the same; after one only those behind it count. */
async function addCounters(transaction: SqlTransaction, rows: readonly CounterChange[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `webhook_counters_add_v${v}`,
    text: `
      insert into webhook_counters_v${v} as c (
        webhook_id, total, successful, failed, consecutive_failures, last_fired_at, last_status)
      select * from unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::integer[])
      on conflict (webhook_id) do update
         set total = c.total + excluded.total,
             successful = c.successful + excluded.successful,
             failed = c.failed + excluded.failed,
             consecutive_failures = excluded.consecutive_failures
               + case when excluded.successful = 0 then c.consecutive_failures else 0 end,
             last_fired_at = excluded.last_fired_at,
             last_status = excluded.last_status`,
    values: [
      plainArray(rows.map((row) => row.webhookId)),
      plainArray(rows.map((row) => row.total)),
      plainArray(rows.map((row) => row.successful)),
      plainArray(rows.map((row) => row.failed)),
      plainArray(rows.map((row) => row.failuresAtEnd)),
      textArray(rows.map((row) => row.lastFiredAt)),
      plainArray(rows.map((row) => row.lastStatus)),
    ],
  });
}

/** Rare, and each depends on the one before it: one by one. */
async function applyEndpoint(transaction: SqlTransaction, event: Stored<WebhookEvent>, v: number): Promise<void> {
  const at = event.metadata.recordedAt;
  const set = async (assignments: string, ...values: readonly unknown[]) => {
    await transaction.run({
      text: `update webhooks_v${v} set ${assignments}, updated_at = $2::timestamptz where webhook_id = $1::bigint`,
      values: [event.data.webhookId, at, ...values],
    });
  };
  switch (event.type) {
    case 'WebhookRegistered': {
      const { data, metadata } = event;
      await transaction.run({
        name: `webhooks_insert_v${v}`,
        text: `
          insert into webhooks_v${v} (
            webhook_id, workspace_id, name, url, events, order_mode, header_names, enabled, secret_id, master_key_id,
            created_by, created_at, updated_at, removed)
          values ($1::bigint, $2::integer, $3::text, $4::text, $5::text, $6::text, $7::text, true, $8::integer,
            $9::text, $10::text, $11::timestamptz, $11::timestamptz, false)
          on conflict (webhook_id) do nothing`,
        values: [
          data.webhookId,
          metadata.workspaceId,
          data.name,
          data.url,
          JSON.stringify(data.events),
          data.order,
          JSON.stringify(data.headers.map(({ name }) => name)),
          data.masterKeyId === null ? null : 1,
          data.masterKeyId,
          metadata.actor.name,
          at,
        ],
      });
      return;
    }
    case 'WebhookChanged': {
      const { name, url, events, headers } = event.data.changes;
      await set(
        `name = coalesce($3::text, name), url = coalesce($4::text, url), events = coalesce($5::text, events),
         header_names = coalesce($6::text, header_names)`,
        name ?? null,
        url ?? null,
        events === undefined ? null : JSON.stringify(events),
        headers === undefined ? null : JSON.stringify(headers.map((each) => each.name)),
      );
      return;
    }
    case 'WebhookSecretRotated':
      await set('secret_id = $3::integer, master_key_id = $4::text', event.data.secretId, event.data.masterKeyId);
      return;
    case 'WebhookFailing':
      await set('failing_since = $3::timestamptz', event.data.since);
      return;
    case 'WebhookRecovered':
      await set('failing_since = null');
      return;
    case 'WebhookDisabled':
      await set('enabled = false, disabled_reason = $3::text', event.data.reason);
      return;
    case 'WebhookEnabled':
      await set('enabled = true, disabled_reason = null, failing_since = null');
      return;
    case 'WebhookRemoved':
      await set('enabled = false, removed = true');
      return;
    default:
  }
}
