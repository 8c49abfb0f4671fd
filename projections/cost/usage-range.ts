/** Instants in ms since 1970; `from` is included, `until` is not. Absent: no limit. */
export interface UsageRange {
  readonly from?: number;
  readonly until?: number;
}
