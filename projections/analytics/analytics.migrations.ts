import type { Migration } from '../engine/migrations.js';
import { budgetStatusView } from './budget-status.view.js';
import { costViews } from './cost.views.js';
import { operationsViews } from './operations.views.js';
import { type AnalyticsView, viewSql } from './view.js';

/** Every view of the schema `analytics`. Names and columns are a contract: a later step may add, never rename or drop. */
export const analyticsViews: readonly AnalyticsView[] = [...costViews, ...operationsViews, budgetStatusView];

export const analyticsMigrations: readonly Migration[] = [
  {
    id: 'analytics/0001-views',
    sql: `
      create schema if not exists analytics;
      comment on schema analytics is 'Usage and cost for analysts: stable views, read-only, exact';
      ${analyticsViews.map(viewSql).join('\n')}`,
  },
  { id: 'analytics/0002-when-a-budget-ends', sql: viewSql(budgetStatusView) },
];
