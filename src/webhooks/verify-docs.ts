/** How a receiver proves that a message is ours. */
export const verifyDocs = {
  algorithm: 'Standard Webhooks v1: HMAC-SHA-256',
  header: 'webhook-signature',
  format: 'v1,<base64>; several are separated by blanks while a secret is rotated: one that fits is enough',
  signed_content: '<webhook-id>.<webhook-timestamp>.<body as received>',
  key: 'the bytes after whsec_, base64-decoded',
  tolerance_seconds: 300,
  deduplicate_by: 'webhook-id: the same for every attempt and every replay of a message',
  steps: [
    'Keep the body as the bytes that came; parse it only after the check.',
    'Refuse a webhook-timestamp that is more than 300 seconds off.',
    'Compute the HMAC-SHA-256 of id, dot, timestamp, dot, body with the decoded secret.',
    'Compare it in constant time with each v1 entry of webhook-signature; accept when one is equal.',
    'Answer 2xx within 15 seconds, and do nothing for a webhook-id that you have dealt with.',
    'X-MC-Signature covers the body alone: it has no time and no id, and so cannot refuse a replay. Do not rely on it.',
  ],
  example: {
    node: [
      "import { createHmac, timingSafeEqual } from 'node:crypto';",
      'export function verify(headers, body, secret, now = Date.now() / 1000) {',
      "  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': given } = headers;",
      '  if (!(Math.abs(now - Number(time)) <= 300)) return false;',
      "  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');",
      "  const mac = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest();",
      "  return given.split(' ').some((entry) => {",
      "    const [version, text = ''] = entry.split(',');",
      "    const sent = Buffer.from(text, 'base64');",
      "    return version === 'v1' && sent.length === mac.length && timingSafeEqual(sent, mac);",
      '  });',
      '}',
    ].join('\n'),
  },
} as const;
