import type { AccessRefused } from './security.events.js';

export type RefusedData = AccessRefused['data'];
type Fact = Omit<RefusedData, 'count' | 'minute'>;

/** Distinct sources that one minute keeps apart; the rest of a flood is one entry a kind. */
const MOST_SOURCES = 500;
const EVERYBODY_ELSE = 'others';

/** Refusals of one process, one entry a (kind, source, reason, minute). Bounded, whatever comes in. */
export class FoldedRefusals {
  private readonly byKey = new Map<string, RefusedData>();

  get size(): number {
    return this.byKey.size;
  }

  add(fact: Fact, now: Date): void {
    const minute = startOfMinute(now);
    const own = `${minute} ${fact.kind} ${fact.source} ${fact.reason ?? ''}`;
    if (this.byKey.has(own) || this.byKey.size < MOST_SOURCES) this.count(own, fact, minute);
    else this.count(`${minute} ${fact.kind} ${EVERYBODY_ELSE}`, anonymous(fact), minute);
  }

  /** Takes out what belongs to minutes that are over; everything, when `all`. */
  takeFinished(now: Date, all = false): RefusedData[] {
    const current = startOfMinute(now);
    const finished: RefusedData[] = [];
    for (const [key, entry] of this.byKey) {
      if (!all && entry.minute >= current) continue;
      finished.push(entry);
      this.byKey.delete(key);
    }
    return finished;
  }

  private count(key: string, fact: Fact, minute: string): void {
    const known = this.byKey.get(key);
    this.byKey.set(key, known === undefined ? { ...fact, minute, count: 1 } : { ...known, count: known.count + 1 });
  }
}

function anonymous({ kind }: Fact): Fact {
  return { kind, source: EVERYBODY_ELSE, network: 'unknown' };
}

function startOfMinute(now: Date): string {
  return `${now.toISOString().slice(0, 17)}00.000Z`;
}
