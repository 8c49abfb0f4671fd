import { periodDays, periodName } from '../budgets/budget-periods.js';
import { BEGINNING } from '../cost/zone-days.js';
import type { AnalyticsView } from './view.js';

/** The first instant of a day that a row holds, in the zone of that row. */
function beginningOf(row: string, day: string): string {
  const beginning = BEGINNING.replaceAll('$1', 'z.zone');
  return `(select ${beginning} from (select ${row}.${day} as d, ${row}.zone) z, lateral (select z.d) b)`;
}

/** Usage of the budget's scope between two instants: whole hours from the rollups, what is left from the reports. */
function scoped(from: string, until: string, columns: string): string {
  const first = `date_trunc('hour', ${from} + interval '1 hour' - interval '1 microsecond', 'UTC')`;
  const after = `date_trunc('hour', ${until}, 'UTC')`;
  const ofScope = `t.workspace_id = p.workspace_id and (p.agent_name is null or t.agent_name = p.agent_name)
    and (p.model is null or t.model = p.model)`;
  const hasTask = '(p.task_id is not null or p.project_id is not null)';
  const ofTask = `(p.task_id is null or t.task_id = p.task_id)
    and (p.project_id is null or exists (
          select 1 from tasks k where k.task_id = t.task_id and k.project_id = p.project_id))`;
  return `
    select ${columns} from (
      select t.bucket as at, t.requests, t.rate_id, t.cost_usd from cost_hour t
       where not ${hasTask} and ${ofScope} and t.bucket >= ${first} and t.bucket < ${after}
      union all
      select t.bucket, t.requests, t.rate_id, t.cost_usd from cost_task t
       where ${hasTask} and ${ofScope} and ${ofTask} and t.bucket >= ${first} and t.bucket < ${after}
      union all
      select date_trunc('hour', t.occurred_at, 'UTC'), 1, t.rate_id, coalesce(t.cost_usd, 0) from usage_event t
       where ${ofScope} and (not ${hasTask} or ${ofTask})
         and ((t.occurred_ms >= ${msOf(from)} and t.occurred_ms < ${msOf(first)})
              or (t.occurred_ms >= ${msOf(after)} and t.occurred_ms < ${msOf(until)}))
    ) u`;
}

const msOf = (instant: string): string => `(extract(epoch from ${instant}) * 1000)::bigint`;

/** How each budget stands in its period of now. */
export const budgetStatusView: AnalyticsView = {
  name: 'budget_status',
  comment:
    'How each budget stands now, with a forecast: what is spent plus the mean of the trailing 7 days for the rest',
  columns: {
    budget_id: 'Budget',
    workspace_id: 'Workspace',
    name: 'Its name',
    project_id: 'Scope: project; null: any',
    agent: 'Scope: agent; null: any',
    task_id: 'Scope: task; null: any',
    model: 'Scope: model as reported; null: any',
    is_hard: 'True: when the limit is reached, new work of the scope is not handed out',
    zone: 'Zone of its periods',
    period: 'The period of now, by its kind and first day',
    period_from: 'Its beginning',
    period_until: 'Its end',
    limit_usd: 'Limit of a period, US dollars',
    spent_usd: 'Spent in this period, exact',
    unpriced_requests: 'Usage of the period without a price, which adds nothing to what is spent',
    spent_percent: 'spent_usd of limit_usd in percent, cut after 2 decimals',
    highest_reached_percent: 'The highest threshold of this period that is reached, as recorded; null: none',
    mean_hourly_usd: 'Mean of the trailing 7 days, cut after 12 decimals; null: less than 24 hours of history',
    forecast_usd: 'spent_usd + mean_hourly_usd × the hours that are left; null: less than 24 hours of history',
    forecast_method: 'How forecast_usd comes about, or why there is none',
    reaches_limit_at: 'When the limit is reached at this mean; null: not in this period, or it is reached',
  },
  select: `
    select p.budget_id, p.workspace_id, p.name, p.project_id, p.agent_name, p.task_id, p.model, p.is_hard, p.zone,
           p.period, p.starts, p.ends, p.limit_usd, s.spent, s.unpriced,
           div(s.spent * 10000, p.limit_usd) * 0.01, c.percent,
           case when w.history_ms >= 86400000
                then div(w.spent * 1000000000000 * 3600000, w.history_ms) * 0.000000000001 end,
           case when w.history_ms >= 86400000
                then s.spent + div(w.spent * 1000000000000 * greatest(${msOf('p.ends')} - ${msOf('p.now')}, 0), w.history_ms)
                       * 0.000000000001 end,
           case when w.history_ms >= 86400000
                then 'spent so far + mean hourly spend of the trailing 7 days × remaining hours of the period'
                else 'none: less than 24 hours of history' end,
           l.at
      from (
        select q.*, ${beginningOf('q', 'first_day')} as starts,
               ${beginningOf('q', 'day_after')} as ends
          from (
            select b.*, n.now, ${periodName('b.period_kind', 'b.period_days', 'n.today')} as period,
                   ${periodDays('b.period_kind', 'b.period_days', 'n.today').first} as first_day,
                   ${periodDays('b.period_kind', 'b.period_days', 'n.today').after} as day_after
              from budget b,
                   lateral (select now() as now, (now() at time zone b.zone)::date as today) n
             where b.deleted_at is null) q
      ) p,
      lateral (${scoped(
        'p.starts',
        'p.ends',
        `coalesce(sum(u.cost_usd), 0)::numeric(60,12) as spent,
         coalesce(sum(u.requests) filter (where u.rate_id <= 0), 0)::bigint as unpriced`,
      )}) s,
      lateral (
        select h.spent,
               case when h.has_older then 604800000
                    else coalesce(least(${msOf('p.now')} - ${msOf('h.first_at')}, 604800000), 0) end as history_ms
          from (${scoped(
            `p.now - interval '7 days'`,
            'p.now',
            `coalesce(sum(u.cost_usd), 0)::numeric(60,12) as spent, min(u.at) as first_at,
             exists (select 1 from cost_hour o
                      where o.workspace_id = p.workspace_id and o.bucket < p.now - interval '7 days'
                        and (p.agent_name is null or o.agent_name = p.agent_name)
                        and (p.model is null or o.model = p.model)
                        and p.task_id is null and p.project_id is null)
             or exists (select 1 from cost_task o
                         where o.workspace_id = p.workspace_id
                           and o.bucket < p.now - interval '7 days'
                           and (p.agent_name is null or o.agent_name = p.agent_name)
                           and (p.model is null or o.model = p.model)
                           and (p.task_id is not null or p.project_id is not null)
                           and (p.task_id is null or o.task_id = p.task_id)
                           and (p.project_id is null or exists (
                                  select 1 from tasks k
                                   where k.task_id = o.task_id and k.project_id = p.project_id))) as has_older`,
          )}) h
      ) w
      left join lateral (
        select p.now + u.left_ms::bigint * interval '1 millisecond' as at
          from (select div((p.limit_usd - s.spent) * 1000000000000 * w.history_ms + w.spent * 1000000000000 - 1,
                           nullif(w.spent, 0) * 1000000000000) as left_ms) u
         where w.history_ms >= 86400000 and p.limit_usd > s.spent and u.left_ms < ${msOf('p.ends')} - ${msOf('p.now')}
      ) l on true
      left join lateral (
        select max(t.percent) as percent from budget_threshold t
         where t.budget_id = p.budget_id and t.period = p.period and t.is_reached) c on true`,
};
