import type { AnalyticsView } from './view.js';

/** What the numbers rest on: the prices, and how far they have come. */
export const operationsViews: readonly AnalyticsView[] = [
  {
    name: 'price_history',
    comment: 'Every rate that was ever recorded, with each time in which it is in force by the newest price book',
    columns: {
      rate_id: 'Identity of the rate, the same for ever',
      provider: 'Provider',
      model: 'Listed model',
      service_class: 'Service class',
      prompt_threshold: 'It prices whole requests whose prompt is larger than this; 0: the row for all others',
      valid_from: 'In force from here on; null: not in force by the newest book',
      valid_until: 'In force before this; null: without an end, or not in force',
      effective_from: 'From when on, as its author wrote',
      effective_until: 'Until when, as its author wrote; null: without an end',
      input_usd_per_mtok: 'USD per 1,000,000 input tokens',
      output_usd_per_mtok: 'USD per 1,000,000 output tokens',
      cache_read_usd_per_mtok: 'The same for cache reads; null: as input',
      cache_write_usd_per_mtok: 'The same for cache writes; null: as input',
      cache_write_1h_usd_per_mtok: 'The same for one-hour cache writes; null: as input',
      layer: 'book: published prices. override: those of this installation',
      source: 'Where it comes from',
      book_version: 'Price book that brought it',
      book_label: 'Its label by its author',
      recorded_at: 'When it was recorded',
      recorded_by: 'Who recorded it',
      reason: 'Why, as given',
    },
    select: `
      select m.rate_id, m.provider, m.model, m.service_class, m.prompt_threshold, lower(p.valid), upper(p.valid),
             m.effective_from, m.effective_to, m.input_mtok, m.output_mtok, m.cache_read_mtok, m.cache_write_mtok,
             m.cache_write_1h_mtok, m.layer, m.source, m.first_book_version, b.label, b.recorded_at, b.actor, b.reason
        from model_rate m
        join price_book b on b.book_version = m.first_book_version
        left join rate_period p on p.rate_id = m.rate_id`,
  },
  {
    name: 'projection_lag',
    comment: 'How far each read model has come; what these views show is true up to the position of cost',
    columns: {
      projection: 'Read model',
      position: 'It holds everything up to this position of the log; -1: nothing',
      pending_events: 'Events that were read and are not in it yet',
      moved_at: 'When it moved last',
      seconds_since_move: 'Seconds since then; it also moves when nothing is in the log for it',
      repricing_book_version: 'Price book by which old usage is priced anew just now; null: none',
      repricing_done: 'Reports that were looked at',
      repricing_total: 'Reports to be looked at, at most',
    },
    select: `
      select p.projection, p.commit_position, greatest(coalesce(p.read_ordinal, p.ordinal) - p.ordinal, 0), p.moved_at,
             extract(epoch from clock_timestamp() - p.moved_at)::numeric(20,3), r.book_version, r.rows_done, r.rows_total
        from projection_progress p
        left join lateral (
          select book_version, rows_done, rows_total from repricing
           where p.projection = 'cost' and state <> 'done' order by book_version desc limit 1) r on true`,
  },
];
