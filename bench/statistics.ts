/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `median [smallest to largest]` of one figure over the runs. */
export function medianAndRange(runs: readonly number[], digits: number): string {
  const shown = (value: number): string => value.toFixed(digits);
  return `${shown(percentile(runs, 0.5))} [${shown(Math.min(...runs))} to ${shown(Math.max(...runs))}]`;
}
