/**
 * The blocks of the event stream as text. WHATWG HTML, "Server-sent events": a block becomes effective at its blank
 * line, so a block that is cut leaves the cursor of the client alone; an `id` without `data` fires nothing and moves it.
 * Ids come from a fixed alphabet, types from the mappings, and JSON has no line breaks: nothing here can be split.
 */
export function eventBlock(id: string, json: string): string {
  return `id: ${id}\ndata: ${json}\n\n`;
}

export function namedEventBlock(id: string, type: string, json: string): string {
  return `id: ${id}\nevent: ${type}\ndata: ${json}\n\n`;
}

/** The first block: it carries the reconnection time and the position before the first fact to be sent. */
export function connectedBlock(options: {
  readonly id: string;
  readonly retryMs: number;
  readonly timestamp: number;
  readonly named: boolean;
}): string {
  const json = JSON.stringify({ type: 'connected', data: null, timestamp: options.timestamp });
  const event = options.named ? 'event: connected\n' : '';
  return `id: ${options.id}\nretry: ${options.retryMs}\n${event}data: ${json}\n\n`;
}

export type ResetReason = 'foreign' | 'future' | 'unknown' | 'malformed';

/** Says openly that there may be a gap; its id is the new cursor. */
export function resetBlock(options: {
  readonly id: string;
  readonly reason: ResetReason;
  readonly earliest: string;
  readonly head: string;
  readonly timestamp: number;
  readonly named: boolean;
}): string {
  const { reason, earliest, head, timestamp } = options;
  const json = JSON.stringify({ type: 'reset', data: { reason, earliest, head }, timestamp });
  return options.named ? namedEventBlock(options.id, 'reset', json) : eventBlock(options.id, json);
}

/** Moves the cursor of the client and fires nothing. */
export function cursorBlock(id: string): string {
  return `id: ${id}\n\n`;
}

/** A comment that keeps proxies from closing; it may carry the cursor. */
export function heartbeatBlock(id: string | undefined): string {
  return id === undefined ? ': heartbeat\n\n' : `: heartbeat\nid: ${id}\n\n`;
}

/** The last words to a listener whose credential no longer stands. */
export const CLOSED_BLOCK = ': closed\n\n';

export function retryBlock(retryMs: number): string {
  return `retry: ${retryMs}\n\n`;
}

/** 2 to 4 s at random: browsers add no jitter of their own. */
export function reconnectSoonMs(random: () => number): number {
  return 2_000 + Math.floor(random() * 2_001);
}

/** 30 to 60 s at random, for who would be refused with a status if a status did not end an EventSource for good. */
export function reconnectLaterMs(random: () => number): number {
  return 30_000 + Math.floor(random() * 30_001);
}
