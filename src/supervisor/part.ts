/** One process of the system, as something that can be started again. */
export interface Part {
  /** How messages call it. */
  readonly name: string;
  /** Resolves when the part serves. `signal` gives up early and leaves no process behind. Rejects with the reason. */
  launch(signal: AbortSignal): Promise<RunningPart>;
}

export interface RunningPart {
  readonly pid: number;
  /** What the operator should know about how it came up. */
  readonly note?: string;
  /** Resolves with the reason when the process is gone, whoever ended it. */
  readonly ended: Promise<string>;
  /** Orderly end; after `boundMs` by force. Resolves when the process is gone. */
  stop(boundMs: number): Promise<void>;
}
