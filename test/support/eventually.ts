/**
 * Waits until `probe` gives anything but undefined and false, looking again every few milliseconds, and returns it.
 * Fails after `boundMs` with what was awaited. The bound is a safety net, never an assertion.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  boundMs = 30_000,
): Promise<T> {
  const end = performance.now() + boundMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${boundMs} ms for: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Rejects with what was awaited when the promise does not settle in time. */
export async function within<T>(what: string, promise: Promise<T>, boundMs = 30_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${boundMs} ms for: ${what}`));
    }, boundMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
