import {
  type AnalyticsView,
  reasonComment,
  sumColumns,
  sumsOfRow,
  sumsOfRows,
  sumsOfUnratedRows,
  unpricedReason,
} from './view.js';

const workspace_id = 'Workspace';
const agent = 'Agent by name: the part of the session before the first colon';
const agent_id = 'The agent that held the name when the usage was reported; null: nobody did';
const model = 'Model as reported';
const session_id = 'Session as reported, {agent}:{chat}';
const service_class = 'Service class; standard unless reported';
const rate_id = 'Row of analytics.price_history that priced it; null: no price';
const provider = 'Provider of the rate; null: no price';

const sliced = {
  workspace_id,
  agent,
  agent_id,
  model,
  service_class,
  provider,
  rate_id,
  unpriced_reason: reasonComment,
  ...sumColumns,
};
const slices = `
  t.workspace_id, t.agent_name, nullif(t.agent_id, 0), t.model, t.service_class, r.provider,
  case when t.rate_id > 0 then t.rate_id end, ${unpricedReason}, ${sumsOfRow}`;

/** What was used and what it costs, from the single report to the sums. */
export const costViews: readonly AnalyticsView[] = [
  {
    name: 'usage',
    comment: 'One row a report of usage that counts, as corrected last, priced by the newest price book',
    columns: {
      id: 'Identity of the report',
      event_id: 'Identity that the reporter gave it',
      workspace_id,
      occurred_at: 'When the tokens were used',
      recorded_at: 'When the report came in',
      clock_skew: 'True: said to have happened more than five minutes after it came in',
      agent,
      agent_id,
      session_id,
      chat: 'The part of the session after the first colon; null: there is no colon',
      task_id: 'Task that the tokens were used for',
      provider: 'Provider as reported; it narrows the search for a price',
      model,
      canonical_provider: 'Provider of the listed model; null: not listed',
      canonical_model: 'Listed model that the reported name means; null: not listed',
      match_kind: 'How the name was found: exact, alias, prefix, date, prefix+date',
      service_class,
      operation: 'What the tokens were used for, as reported',
      duration_ms: 'Duration as reported, milliseconds',
      input_tokens: sumColumns.input_tokens,
      output_tokens: sumColumns.output_tokens,
      cache_read_tokens: sumColumns.cache_read_tokens,
      cache_write_tokens: sumColumns.cache_write_tokens,
      cache_write_1h_tokens: 'How many of cache_write_tokens are kept for an hour',
      reasoning_tokens: 'How many of output_tokens were reasoning; null: not reported',
      total_tokens: sumColumns.total_tokens,
      cost_usd: 'US dollars, exact, with 12 decimals; null: no price',
      unpriced_reason: reasonComment,
      reported_cost_usd: 'What the reporter believes it cost; never summed into ours',
      rate_id,
      book_version: 'Price book that last looked at it',
      corrected_at: 'When it was corrected last; null: never',
      position: 'Position of its report in the log',
    },
    select: `
      select t.id, t.event_id, t.workspace_id, t.occurred_at, t.recorded_at,
             t.occurred_at > t.recorded_at + interval '5 minutes', t.agent_name, t.agent_id, t.session_id,
             case when position(':' in t.session_id) > 0
                  then substr(t.session_id, position(':' in t.session_id) + 1) end,
             t.task_id, t.provider, t.model, t.canonical_provider, t.canonical_model, t.match_kind,
             coalesce(t.service_class, 'standard'), t.operation, t.duration_ms, t.input_tokens, t.output_tokens,
             t.cache_read_tokens, t.cache_write_tokens, coalesce(t.cache_write_1h_tokens, 0), t.reasoning_tokens,
             t.input_tokens + t.output_tokens + t.cache_read_tokens + t.cache_write_tokens, t.cost_usd,
             ${unpricedReason}, t.reported_cost_usd, case when t.rate_id > 0 then t.rate_id end, t.book_version,
             t.corrected_at, t.position
        from usage_event t`,
  },
  {
    name: 'cost_hourly',
    comment: 'Usage and cost by UTC hour, agent, model, service class and rate: any sum of its rows is right',
    columns: { hour: 'Beginning of the hour', ...sliced },
    select: `select t.bucket, ${slices}
               from cost_hour t left join model_rate r on r.rate_id = t.rate_id`,
  },
  {
    name: 'cost_daily',
    comment: 'Usage and cost by UTC day, agent, model, service class and rate: any sum of its rows is right',
    columns: { day: 'Day in UTC', ...sliced },
    select: `select t.day, ${slices}
               from cost_day t left join model_rate r on r.rate_id = t.rate_id where t.zone = 'UTC'`,
  },
  {
    name: 'cost_daily_zoned',
    comment: 'As cost_daily, once for each reporting zone: choose one zone, or everything counts several times',
    columns: { zone: 'Reporting zone, IANA', day: 'Day in the zone', ...sliced },
    select: `select t.zone, t.day, ${slices}
               from cost_day t
               join reporting_zone z on z.zone = t.zone and z.covered_until = 'infinity'
               left join model_rate r on r.rate_id = t.rate_id`,
  },
  {
    name: 'cost_by_agent',
    comment: 'Totals by agent name, of all time',
    columns: {
      workspace_id,
      agent,
      sessions: 'Sessions with usage',
      first_used_at: 'When tokens were used first',
      last_used_at: 'When tokens were used last',
      ...sumColumns,
    },
    select: `
      select t.workspace_id, t.agent_name, s.sessions, s.first_at, s.last_at, ${sumsOfUnratedRows}
        from cost_day_agent t
        join (select workspace_id, agent_name, count(distinct session_id) as sessions,
                     timestamptz 'epoch' + min(first_ms) * interval '1 millisecond' as first_at,
                     timestamptz 'epoch' + max(last_ms) * interval '1 millisecond' as last_at
                from session_span group by 1, 2) s
          on s.workspace_id = t.workspace_id and s.agent_name = t.agent_name
       where t.zone = 'UTC'
       group by 1, 2, 3, 4, 5`,
  },
  {
    name: 'cost_by_session',
    comment: 'Totals by session',
    columns: {
      workspace_id,
      session_id,
      agent,
      first_used_at: 'When tokens were used first',
      last_used_at: 'When tokens were used last',
      ...sumColumns,
    },
    select: `
      select t.workspace_id, t.session_id, t.agent_name, s.first_at, s.last_at, ${sumsOfUnratedRows}
        from cost_session_hour t
        join (select workspace_id, session_id,
                     timestamptz 'epoch' + min(first_ms) * interval '1 millisecond' as first_at,
                     timestamptz 'epoch' + max(last_ms) * interval '1 millisecond' as last_at
                from session_span group by 1, 2) s
          on s.workspace_id = t.workspace_id and s.session_id = t.session_id
       group by 1, 2, 3, 4, 5`,
  },
  {
    name: 'cost_by_task',
    comment: 'Totals by task; avg(completed_cost_usd) is the cost of a completed task',
    columns: {
      workspace_id,
      task_id: 'Task',
      title: 'Its title; null: the task is not known',
      status: 'Its status now',
      outcome: 'Its outcome: success, failed, partial, abandoned',
      is_completed: 'True: its status is done',
      completed_cost_usd: 'Its cost, where it is completed',
      assigned_to: 'Who has it now',
      project_id: 'Project that it is in now',
      project_name: 'Name of that project',
      ...sumColumns,
    },
    select: `
      select t.workspace_id, t.task_id, k.title, k.status, k.outcome, coalesce(k.status = 'done', false),
             case when k.status = 'done' then sum(t.cost_usd) end, k.assigned_to, k.project_id, k.project_name,
             ${sumsOfUnratedRows}
        from cost_task_day t left join tasks k on k.task_id = t.task_id
       group by 1, 2, 3, 4, 5, 8, 9, 10`,
  },
  {
    name: 'cost_by_project',
    comment: 'Totals by the project that the tasks are in now; usage without a task has the project null',
    columns: {
      workspace_id,
      project_id: 'Project; null: usage without a task, or of a task that is not known',
      project_name: 'Its name',
      tasks: 'Tasks with usage',
      completed_tasks: 'Those of them whose status is done',
      completed_cost_usd: 'What those cost together',
      cost_per_completed_task_usd:
        'completed_cost_usd / completed_tasks, cut after 12 decimals; null: none is completed',
      ...sumColumns,
    },
    select: `
      select t.workspace_id, t.project_id, max(t.project_name), count(distinct t.task_id),
             count(distinct t.task_id) filter (where t.is_done),
             coalesce(sum(t.cost_usd) filter (where t.is_done), 0),
             div(coalesce(sum(t.cost_usd) filter (where t.is_done), 0) * 1000000000000,
                 nullif(count(distinct t.task_id) filter (where t.is_done), 0)) * 0.000000000001,
             ${sumsOfRows}
        from (
          select c.workspace_id, k.project_id, k.project_name, c.task_id, k.status = 'done' as is_done, c.requests,
                 c.rate_id, c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens, c.cost_usd
            from cost_task c left join tasks k on k.task_id = c.task_id
          union all
          select c.workspace_id, null, null, null, null, c.requests, c.rate_id, c.input_tokens, c.output_tokens,
                 c.cache_read_tokens, c.cache_write_tokens, c.cost_usd
            from cost_day_model c where c.zone = 'UTC'
          union all
          -- what belongs to a task was counted with all the rest just now
          select c.workspace_id, null, null, null, null, -c.requests, c.rate_id, -c.input_tokens, -c.output_tokens,
                 -c.cache_read_tokens, -c.cache_write_tokens, -c.cost_usd
            from cost_task c
        ) t
       group by 1, 2`,
  },
  {
    name: 'cost_by_model',
    comment: 'Totals by reported model and what it was priced as',
    columns: {
      workspace_id,
      model,
      provider,
      canonical_model: 'Listed model of the rate; null: no price',
      ...sumColumns,
    },
    select: `
      select t.workspace_id, t.model, r.provider, r.model, ${sumsOfRows}
        from cost_day_model t left join model_rate r on r.rate_id = t.rate_id
       where t.zone = 'UTC'
       group by 1, 2, 3, 4`,
  },
  {
    name: 'unpriced_models',
    comment: 'Models, as reported, with usage that has no price, and why; a revision of the prices prices it',
    columns: {
      workspace_id,
      model,
      service_class,
      reason: 'unknown_model, before_first_rate, after_last_rate or no_rate_for_class',
      requests: sumColumns.requests,
      input_tokens: sumColumns.input_tokens,
      output_tokens: sumColumns.output_tokens,
      cache_read_tokens: sumColumns.cache_read_tokens,
      cache_write_tokens: sumColumns.cache_write_tokens,
      total_tokens: sumColumns.total_tokens,
      first_hour: 'Hour of the first such usage',
      last_hour: 'Hour of the last such usage',
    },
    select: `
      select t.workspace_id, t.model, t.service_class, ${unpricedReason}, sum(t.requests)::bigint, sum(t.input_tokens),
             sum(t.output_tokens), sum(t.cache_read_tokens), sum(t.cache_write_tokens),
             sum(t.input_tokens + t.output_tokens + t.cache_read_tokens + t.cache_write_tokens), min(t.bucket),
             max(t.bucket)
        from cost_hour_model t where t.rate_id <= 0
       group by 1, 2, 3, 4`,
  },
];
