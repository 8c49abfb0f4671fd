const FREE_PER_MINUTE = 10;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;
const MINUTE_MS = 60_000;
const MOST_ADDRESSES = 20_000;

interface Guesses {
  windowStartedAt: number;
  count: number;
  waitMs: number;
  blockedUntil: number;
}

/**
 * Refused keys by client network (an IPv4 address, an IPv6 /64). Ten a minute are answered 401; after that 429 with a
 * wait that doubles from 30 s to 15 min. Only refusals count and only refusals are held back: a valid key from the same
 * address works all the while. Kept in this process alone; at most 20,000 networks, the oldest forgotten first.
 */
export class WrongKeys {
  private readonly byNetwork = new Map<string, Guesses>();

  /** Counts one refused key. Answers how many seconds to wait, or 0: the plain 401 is still due. `nowMs` is monotonic. */
  refused(network: string, nowMs: number): number {
    const guesses = this.byNetwork.get(network) ?? this.remember(network, nowMs);
    if (nowMs < guesses.blockedUntil) return Math.ceil((guesses.blockedUntil - nowMs) / 1000);
    if (nowMs - guesses.windowStartedAt >= MINUTE_MS) {
      const calmMs = nowMs - Math.max(guesses.blockedUntil, guesses.windowStartedAt);
      if (calmMs >= LONGEST_WAIT_MS) guesses.waitMs = FIRST_WAIT_MS;
      guesses.windowStartedAt = nowMs;
      guesses.count = 0;
    }
    guesses.count += 1;
    if (guesses.count <= FREE_PER_MINUTE) return 0;
    guesses.blockedUntil = nowMs + guesses.waitMs;
    guesses.waitMs = Math.min(guesses.waitMs * 2, LONGEST_WAIT_MS);
    return Math.ceil((guesses.blockedUntil - nowMs) / 1000);
  }

  private remember(network: string, nowMs: number): Guesses {
    if (this.byNetwork.size >= MOST_ADDRESSES) {
      const oldest = this.byNetwork.keys().next();
      if (oldest.done !== true) this.byNetwork.delete(oldest.value);
    }
    const guesses = { windowStartedAt: nowMs, count: 0, waitMs: FIRST_WAIT_MS, blockedUntil: 0 };
    this.byNetwork.set(network, guesses);
    return guesses;
  }
}
