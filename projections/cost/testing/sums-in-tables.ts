import { connector, withClient } from '../../engine/database.js';

const sumsOf = (unpriced: string) => `
  concat_ws(' ', sum(requests), coalesce(${unpriced}, 0), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
            sum(cache_write_tokens), sum(cost_usd))`;
const SUMS = sumsOf('sum(requests) filter (where rate_id <= 0)');
const UNRATED_SUMS = sumsOf('sum(unpriced_requests)');
const HOUR = `'hour ' || to_char(bucket at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** What the tables of version 1 hold, in the words of {@link exactFold}; both, where two of them do not agree. */
export async function sumsInTables(
  databaseUrl: string,
  zones: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return withClient(connector(databaseUrl, 'test'), async (client) => {
    const { rows } = await client.query<{ key: string; sums: string }>(
      `select 'all' as key, ${SUMS} as sums from cost_hour_model_v1 having count(*) > 0
       union all select 'model ' || model, ${SUMS} from cost_day_model_v1 where zone = 'UTC' group by model
       union all select 'agent ' || agent_name, ${SUMS} from cost_hour_v1 group by agent_name
       union all select 'session ' || session_id, ${SUMS} from cost_session_v1 group by session_id
       union all select 'task ' || task_id, ${SUMS} from cost_task_v1 group by task_id
       union all select ${HOUR}, ${SUMS} from cost_hour_v1 group by bucket
       union all select 'day ' || zone || ' ' || day::text, ${SUMS}
                   from cost_day_v1 where zone = any($1::text[]) group by zone, day
       union all select 'model ' || model, ${UNRATED_SUMS} from cost_hour_by_model_v1 group by model
       union all select 'agent ' || agent_name, ${UNRATED_SUMS} from cost_hour_agent_v1 group by agent_name
       union all select 'session ' || session_id, ${UNRATED_SUMS} from cost_session_hour_v1 group by session_id
       union all select 'task ' || task_id, ${UNRATED_SUMS} from cost_task_day_v1 group by task_id
       union all select ${HOUR}, ${UNRATED_SUMS} from cost_hour_agent_v1 group by bucket
       union all select ${HOUR}, ${UNRATED_SUMS} from cost_hour_by_model_v1 group by bucket
       union all select ${HOUR}, ${UNRATED_SUMS} from cost_session_hour_v1 group by bucket
       union all select 'day ' || zone || ' ' || day::text, ${UNRATED_SUMS}
                   from cost_day_agent_v1 where zone = any($1::text[]) group by zone, day`,
      [zones],
    );
    const found = new Map<string, Set<string>>();
    for (const { key, sums } of rows) found.set(key, (found.get(key) ?? new Set()).add(sums));
    return new Map(
      [...found].map(([key, sums]) => [key, [...sums].join(' and ')] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });
}
