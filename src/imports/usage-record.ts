/** One record of `POST /api/tokens`, as an importer makes it. The route checks it like any other. */
export interface ImportedUsage {
  readonly eventId: string;
  readonly model: string;
  readonly sessionId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens?: number;
  readonly timestamp?: number | string;
  readonly duration?: number;
  readonly operation?: string;
  readonly provider?: string;
  readonly serviceClass?: string;
  readonly reportedCostUsd?: string;
}
