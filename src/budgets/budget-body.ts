import { shortestDecimal } from '../../projections/cost/decimal.js';
import { invalid } from '../platform/http/errors.js';
import { periodKinds, type BudgetPeriod, type BudgetScope, type BudgetTerms } from './budgets.events.js';

const DEFAULT_PERCENTS = [50, 80, 100];
const MAX_PERCENTS = 20;
const LIMIT = /^\d{1,20}(\.\d{1,12})?$/;
const ZONE = /^[A-Za-z0-9_+\-/]{1,64}$/;

/** The terms in a body, with what it leaves out filled in. Errors: 400 with every fault. */
export function budgetTermsIn(body: unknown): BudgetTerms {
  const faults: string[] = [];
  const terms = termsOf(body, faults);
  if (faults.length > 0) throw invalid(faults, 'Invalid budget');
  return terms as BudgetTerms;
}

function termsOf(body: unknown, faults: string[]) {
  const fields = new Fields(body, 'body', faults, ['name', 'scope', 'period', 'limitUsd', 'softPercents', 'hard']);
  const scope = scopeOf(fields.get('scope') ?? {}, faults);
  const hard = fields.boolean('hard') ?? false;
  if (hard && scope.model !== null) {
    faults.push('hard: a budget of a model cannot stop work, because no task says which model it will use');
  }
  return {
    name: fields.text('name', 100)?.trim(),
    scope,
    period: periodOf(fields.get('period'), faults),
    limitUsd: fields.limit('limitUsd'),
    softPercents: fields.percents('softPercents') ?? DEFAULT_PERCENTS,
    hard,
  };
}

function scopeOf(value: unknown, faults: string[]): BudgetScope {
  const fields = new Fields(value, 'scope', faults, ['projectId', 'agent', 'taskId', 'model']);
  return {
    projectId: fields.optional('projectId', () => fields.id('projectId')) ?? null,
    agent: fields.optional('agent', () => fields.text('agent', 512))?.normalize('NFC') ?? null,
    taskId: fields.optional('taskId', () => fields.id('taskId')) ?? null,
    model: fields.optional('model', () => fields.text('model', 200))?.trim() ?? null,
  };
}

function periodOf(value: unknown, faults: string[]): BudgetPeriod | undefined {
  const fields = new Fields(value, 'period', faults, ['kind', 'days', 'zone']);
  const kind = periodKinds.find((each) => each === fields.get('kind'));
  if (kind === undefined) return fields.fault('kind', `must be one of ${periodKinds.join(', ')}`);
  const days = kind === 'rolling' ? fields.days('days') : fields.nothing('days');
  const zone = fields.optional('zone', () => fields.zone('zone')) ?? 'UTC';
  return { kind, days: days ?? null, zone };
}

/** The fields of one object; null and absent are the same. */
class Fields {
  private readonly record: Readonly<Record<string, unknown>>;
  private readonly isObject: boolean;

  constructor(
    value: unknown,
    private readonly name: string,
    private readonly faults: string[],
    known: readonly string[],
  ) {
    this.isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.record = this.isObject ? (value as Record<string, unknown>) : {};
    if (!this.isObject) faults.push(`${name}: must be an object`);
    for (const field of Object.keys(this.record)) {
      if (!known.includes(field)) this.fault(field, 'is no field of a budget');
    }
  }

  get(field: string): unknown {
    return this.record[field];
  }

  fault(field: string, reason: string): undefined {
    if (this.isObject) this.faults.push(`${this.name === 'body' ? '' : `${this.name}.`}${field}: ${reason}`);
    return undefined;
  }

  optional<Value>(field: string, read: () => Value | undefined): Value | undefined {
    const value = this.record[field];
    return value === undefined || value === null ? undefined : read();
  }

  text(field: string, max: number): string | undefined {
    const value = this.record[field];
    if (typeof value === 'string' && value.trim() !== '' && value.length <= max) return value;
    return this.fault(field, `must be a string of 1 to ${max} characters`);
  }

  id(field: string): number | undefined {
    const value = this.record[field];
    if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
    return this.fault(field, 'must be a positive integer');
  }

  days(field: string): number | undefined {
    const value = this.record[field];
    if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 366) return value as number;
    return this.fault(field, 'must be an integer from 1 to 366');
  }

  nothing(field: string): undefined {
    return this.optional(field, () => this.fault(field, 'is for rolling periods'));
  }

  zone(field: string): string | undefined {
    const value = this.record[field];
    return typeof value === 'string' && ZONE.test(value) ? value : this.fault(field, 'must be an IANA time zone');
  }

  limit(field: string): string | undefined {
    const value = this.record[field];
    if (typeof value === 'string' && LIMIT.test(value) && /[1-9]/.test(value)) return shortestDecimal(value);
    return this.fault(field, 'must be a decimal string above 0, such as "250.00", with at most 12 decimals');
  }

  boolean(field: string): boolean | undefined {
    return this.optional(field, () => {
      const value = this.record[field];
      return typeof value === 'boolean' ? value : this.fault(field, 'must be true or false');
    });
  }

  percents(field: string): readonly number[] | undefined {
    return this.optional(field, () => {
      const value = this.record[field];
      const isList =
        Array.isArray(value) &&
        value.length <= MAX_PERCENTS &&
        value.every((each) => Number.isSafeInteger(each) && each >= 1 && each <= 1_000);
      if (!isList) return this.fault(field, `must be a list of at most ${MAX_PERCENTS} integers from 1 to 1000`);
      return [...new Set(value as number[])].sort((a, b) => a - b);
    });
  }
}
