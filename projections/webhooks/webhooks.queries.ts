import type { SqlReader } from '../engine/sql.js';

export interface ListedWebhook {
  readonly webhookId: number;
  readonly workspaceId: number;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly order: string;
  readonly headerNames: readonly string[];
  readonly enabled: boolean;
  readonly disabledReason: string | null;
  readonly failingSince: Date | null;
  readonly secret: { readonly secretId: number; readonly masterKeyId: string } | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
  readonly consecutiveFailures: number;
  readonly lastFiredAt: Date | null;
  readonly lastStatus: number | null;
  readonly pending: number;
  readonly dead: number;
  /** The oldest message that failed and is neither delivered nor dead. */
  readonly oldestPending: { readonly deliveryId: string; readonly since: Date } | null;
}

export interface DeliveryFilter {
  readonly webhookId?: number | undefined;
  readonly state?: 'pending' | 'delivered' | 'failed' | 'dead' | undefined;
  readonly event?: string | undefined;
  readonly since?: Date | undefined;
  readonly limit: number;
  readonly offset: number;
}

export interface ListedAttempt {
  readonly id: number;
  readonly eventId: string;
  readonly deliveryId: string;
  readonly firstId: number;
  readonly webhookId: number;
  readonly webhookName: string;
  readonly webhookUrl: string;
  readonly event: string;
  readonly run: string;
  readonly state: 'pending' | 'delivered' | 'failed' | 'dead';
  readonly attempt: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  readonly at: Date;
  readonly nextAttemptAt: Date | null;
  readonly stream: string;
  readonly revision: bigint;
}

interface WebhookSql {
  webhook_id: string;
  workspace_id: number;
  name: string;
  url: string;
  events: string;
  order_mode: string;
  header_names: string;
  enabled: boolean;
  disabled_reason: string | null;
  failing_since: Date | null;
  secret_id: number | null;
  master_key_id: string | null;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  total: string | null;
  successful: string | null;
  failed: string | null;
  consecutive_failures: string | null;
  last_fired_at: Date | null;
  last_status: number | null;
  pending: string;
  dead: string;
  oldest_id: string | null;
  oldest_at: Date | null;
}

interface AttemptSql {
  id: string;
  event_id: string;
  delivery_id: string;
  first_id: string;
  webhook_id: string;
  name: string;
  url: string;
  event: string;
  run: string;
  shown_state: ListedAttempt['state'];
  attempt: number;
  status: number | null;
  error: string | null;
  duration_ms: number | null;
  at: Date;
  next_attempt_at: Date | null;
  stream: string;
  revision: string;
}

const SHOWN_STATE = `case when a.state = 3 then 'delivered' when a.state = 2 then 'dead'
  when a.id = d.last_id and d.state = 1 then 'pending' else 'failed' end`;
const ATTEMPTS = `
  from webhook_attempts a
  join webhook_deliveries d using (delivery_id)
  join webhooks w on w.webhook_id = a.webhook_id`;

export class WebhooksQueries {
  constructor(private readonly sql: SqlReader) {}

  /** Newest first. */
  async ofWorkspace(workspaceId: number): Promise<readonly ListedWebhook[]> {
    const rows = await this.sql.query<WebhookSql>(
      `select w.*, c.total, c.successful, c.failed, c.consecutive_failures, c.last_fired_at, c.last_status,
              coalesce(u.pending, 0) as pending, coalesce(u.dead, 0) as dead, o.delivery_id as oldest_id, o.at as oldest_at
         from webhooks w
         left join webhook_counters c using (webhook_id)
         left join lateral (
           select count(*) filter (where state = 1) as pending, count(*) filter (where state = 2) as dead
             from webhook_deliveries d where d.webhook_id = w.webhook_id and d.state < 3 and d.counts) u on true
         left join lateral (
           select d.delivery_id, a.at from webhook_deliveries d join webhook_attempts a on a.id = d.first_id
            where d.webhook_id = w.webhook_id and d.state = 1 order by d.source_position limit 1) o on true
        where w.workspace_id = $1 and not w.removed
        order by w.webhook_id desc`,
      [workspaceId],
    );
    return rows.map(webhookOf);
  }

  /** Endpoints that there are, of every workspace. */
  async active(): Promise<readonly { readonly webhookId: number; readonly workspaceId: number }[]> {
    const rows = await this.sql.query<{ webhook_id: string; workspace_id: number }>(
      'select webhook_id, workspace_id from webhooks where not removed order by webhook_id',
    );
    return rows.map((row) => ({ webhookId: Number(row.webhook_id), workspaceId: row.workspace_id }));
  }

  /** How many endpoints a workspace has. */
  async countOf(workspaceId: number): Promise<number> {
    const [row] = await this.sql.query<{ count: string }>(
      'select count(*) as count from webhooks where workspace_id = $1 and not removed',
      [workspaceId],
    );
    return Number(row?.count ?? 0);
  }

  async attempts(
    workspaceId: number,
    filter: DeliveryFilter,
  ): Promise<{ readonly rows: readonly ListedAttempt[]; readonly total: number }> {
    const values: unknown[] = [workspaceId];
    const conditions = ['w.workspace_id = $1'];
    const add = (condition: string, value: unknown) => {
      if (value === undefined) return;
      values.push(value);
      conditions.push(condition.replace('?', `$${values.length}`));
    };
    add('a.webhook_id = ?', filter.webhookId);
    add('a.event = ?', filter.event);
    add('a.at >= ?', filter.since);
    add(`${SHOWN_STATE} = ?`, filter.state);
    const where = conditions.join(' and ');
    const rows = await this.sql.query<AttemptSql>(
      `select a.*, d.first_id, d.stream, d.revision, w.name, w.url, ${SHOWN_STATE} as shown_state ${ATTEMPTS}
        where ${where} order by a.id desc limit ${filter.limit} offset ${filter.offset}`,
      values,
    );
    const [counted] = await this.sql.query<{ total: string }>(
      `select count(*) as total ${ATTEMPTS} where ${where}`,
      values,
    );
    return { rows: rows.map(attemptOf), total: Number(counted?.total ?? 0) };
  }

  /** The attempt of this number, as the delivery log lists it. */
  async attempt(workspaceId: number, id: number): Promise<ListedAttempt | undefined> {
    const [row] = await this.sql.query<AttemptSql>(
      `select a.*, d.first_id, d.stream, d.revision, w.name, w.url, ${SHOWN_STATE} as shown_state ${ATTEMPTS}
        where w.workspace_id = $1 and a.id = $2 and not w.removed`,
      [workspaceId, id],
    );
    return row === undefined ? undefined : attemptOf(row);
  }

  /** What was finished of the facts up to a position that count for the endpoint. */
  async finishedUpTo(
    webhookId: number,
    position: bigint,
  ): Promise<{ readonly delivered: number; readonly dead: number }> {
    const [row] = await this.sql.query<{ delivered: string; dead: string }>(
      `select count(*) filter (where state = 3) as delivered, count(*) filter (where state = 2) as dead
         from webhook_deliveries where webhook_id = $1 and source_position <= $2 and counts`,
      [webhookId, position],
    );
    return { delivered: Number(row?.delivered ?? 0), dead: Number(row?.dead ?? 0) };
  }

  /** Which of these are delivered or dead. */
  async finishedAmong(deliveryIds: readonly string[]): Promise<number> {
    const [row] = await this.sql.query<{ finished: string }>(
      'select count(*) as finished from webhook_deliveries where delivery_id = any($1::uuid[]) and state > 1 and counts',
      [deliveryIds],
    );
    return Number(row?.finished ?? 0);
  }
}

function webhookOf(row: WebhookSql): ListedWebhook {
  return {
    webhookId: Number(row.webhook_id),
    workspaceId: row.workspace_id,
    name: row.name,
    url: row.url,
    events: JSON.parse(row.events) as string[],
    order: row.order_mode,
    headerNames: JSON.parse(row.header_names) as string[],
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    secret:
      row.secret_id === null || row.master_key_id === null
        ? null
        : { secretId: row.secret_id, masterKeyId: row.master_key_id },
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    total: Number(row.total ?? 0),
    successful: Number(row.successful ?? 0),
    failed: Number(row.failed ?? 0),
    consecutiveFailures: Number(row.consecutive_failures ?? 0),
    lastFiredAt: row.last_fired_at,
    lastStatus: row.last_status,
    pending: Number(row.pending),
    dead: Number(row.dead),
    oldestPending:
      row.oldest_id === null || row.oldest_at === null ? null : { deliveryId: row.oldest_id, since: row.oldest_at },
  };
}

function attemptOf(row: AttemptSql): ListedAttempt {
  return {
    id: Number(row.id),
    eventId: row.event_id,
    deliveryId: row.delivery_id,
    firstId: Number(row.first_id),
    webhookId: Number(row.webhook_id),
    webhookName: row.name,
    webhookUrl: row.url,
    event: row.event,
    run: row.run,
    state: row.shown_state,
    attempt: row.attempt,
    status: row.status,
    error: row.error,
    durationMs: row.duration_ms,
    at: row.at,
    nextAttemptAt: row.next_attempt_at,
    stream: row.stream,
    revision: BigInt(row.revision),
  };
}
