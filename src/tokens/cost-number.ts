/**
 * A cost as the JSON number that the contract shows beside the exact text. The one way in which money becomes a double:
 * nothing is computed from what this gives back.
 */
export function costNumber(costUsd: string): number {
  return Number(costUsd);
}
