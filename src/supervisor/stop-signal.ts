const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npm passes Ctrl-C on to a process that the terminal has told already: that echo is not impatience. */
const echoMs = 1_000;

/**
 * Resolves at the first request to stop. `impatient` hears of a later one: somebody does not want to wait for the orderly
 * end.
 */
export function stopSignal(impatient: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    for (const signal of signals) {
      process.on(signal, () => {
        const now = performance.now();
        if (firstAt === undefined) resolve(signal);
        else if (now - firstAt > echoMs) impatient();
        firstAt ??= now;
      });
    }
  });
}
