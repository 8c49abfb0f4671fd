import { createHmac } from 'node:crypto';

/** A callback that is to be delivered: its id and its bytes never change, however often it is sent. */
export interface Callback {
  /** 1 to 256 of `A-Z a-z 0-9 _ -`. The receiver counts it once. */
  readonly id: string;
  readonly body: Buffer;
}

/** Standard Webhooks, HMAC `v1`: the key is what stands behind `whsec_` in base64. */
export function signedHeaders({ id, body }: Callback, secret: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

function keyOf(secret: string): Buffer {
  const [, text] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  if (text === undefined) throw new Error('a callback secret begins with whsec_ and goes on in base64');
  return Buffer.from(text, 'base64');
}
