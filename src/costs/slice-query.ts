import {
  sliceFilterKeys,
  type SliceFilterKey,
  type SliceKey,
  sliceKeys,
  sliceOrders,
  type SliceQuestion,
} from '../../projections/cost/slice.queries.js';
import { badRequest, Refusal } from '../platform/http/errors.js';
import { oneOf, pageOf, type Query } from '../platform/http/list-query.js';
import { instantOf, zoneOf } from '../tokens/usage-period.js';

const MOST_GROUPS = 10_000;
const MOST_FILTER_VALUES = 100;
const MOST_RAW_MS = 31 * 86_400_000;
const times: readonly SliceKey[] = ['hour', 'day', 'week', 'month'];

/** The question of `GET /api/costs`. Errors: 400; 422 for sessions of tasks over more than 31 days. */
export function sliceQuestion(
  query: Query,
  reportingZones: readonly string[],
): Omit<SliceQuestion, 'workspaceId' | 'agentId'> {
  const groupBy = groupByOf(query);
  const filters = filtersOf(query);
  const from = instantOf(query, 'from');
  const until = instantOf(query, 'to');
  if (from !== undefined && until !== undefined && from > until) throw badRequest('from must not be after to');
  const range = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  if (
    isOfReportsAlone(groupBy, filters) &&
    !(from !== undefined && until !== undefined && until - from <= MOST_RAW_MS)
  ) {
    throw new Refusal(422, 'Sessions and tasks together are answered for at most 31 days: give from and to');
  }
  const { limit, offset } = pageOf(query, { cap: MOST_GROUPS, byDefault: 1_000 });
  return {
    range,
    zone: zoneOf(query, reportingZones, 'zone'),
    groupBy,
    filters,
    orderBy: oneOf(query, 'orderBy', sliceOrders) ?? 'key',
    limit,
    offset,
  };
}

function groupByOf(query: Query): readonly SliceKey[] {
  const value = query['groupBy'];
  if (value === undefined) return [];
  const words = typeof value === 'string' ? value.split(',').map((word) => word.trim()) : value;
  const keys = words.map((word) => sliceKeys.find((key) => key === word));
  const known = keys.filter((key) => key !== undefined);
  if (known.length !== words.length || new Set(known).size !== known.length) {
    throw badRequest(`Invalid groupBy. Expected some of ${sliceKeys.join(', ')}, each once.`);
  }
  if (known.filter((key) => times.includes(key)).length > 1) {
    throw badRequest('Invalid groupBy. Expected at most one of hour, day, week, month.');
  }
  return known;
}

function filtersOf(query: Query): SliceQuestion['filters'] {
  const filters: Partial<Record<SliceFilterKey, readonly string[]>> = {};
  for (const key of sliceFilterKeys) {
    const value = query[key];
    if (value === undefined) continue;
    const values = typeof value === 'string' ? [value] : value;
    const isNumber = key === 'task' || key === 'project';
    const isValid = (text: string) => (isNumber ? /^[1-9]\d{0,14}$/.test(text) : text !== '' && text.length <= 512);
    if (values.length > MOST_FILTER_VALUES || !values.every(isValid)) {
      throw badRequest(
        `Invalid ${key}. Expected ${isNumber ? 'a positive integer' : 'a text of 1 to 512 characters'}.`,
      );
    }
    filters[key] = values;
  }
  return filters;
}

/** No sum holds sessions and tasks together. */
function isOfReportsAlone(groupBy: readonly SliceKey[], filters: SliceQuestion['filters']): boolean {
  const asked = new Set<string>([...groupBy, ...Object.keys(filters)]);
  return asked.has('session') && (asked.has('task') || asked.has('project'));
}
