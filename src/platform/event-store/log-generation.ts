/** Which generation of the log this process works on: 8 lower-case hex digits, the same for every process. */
export abstract class LogGeneration {
  /** Throws `StoreUnavailable` until it has been read from the store once. */
  abstract readonly current: string;
  /** True once `current` can be read: part of being ready to serve. */
  abstract readonly isKnown: boolean;
}
