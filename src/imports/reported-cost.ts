const NUMBER = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const DECIMALS = 12;
const MAX_WHOLE = 20;

/**
 * A tool's own figure as `reportedCostUsd` takes it: a plain decimal of at most 12 decimals, rounded half-even where the
 * tool wrote more. Undefined for anything that is no decimal of at least 0. No double is computed with: a number is taken
 * by the text it was written with.
 */
export function reportedCost(value: unknown): string | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const match = NUMBER.exec(String(value).trim());
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const point = whole.length + Number(exponent);
  if (point > whole.length + fraction.length + MAX_WHOLE) return undefined;
  const digits = whole + fraction;
  const padded = point < 0 ? '0'.repeat(-point) + digits : digits.padEnd(point, '0');
  const at = Math.max(point, 0);
  return rounded(padded.slice(0, at), padded.slice(at));
}

function rounded(whole: string, fraction: string): string | undefined {
  const kept = BigInt(whole + fraction.slice(0, DECIMALS).padEnd(DECIMALS, '0'));
  const beyond = fraction.slice(DECIMALS).replace(/0+$/, '');
  const isHalf = beyond === '5';
  const up = isHalf ? kept % 2n === 1n : beyond > '5';
  const text = (up ? kept + 1n : kept).toString().padStart(DECIMALS + 1, '0');
  const integer = text.slice(0, -DECIMALS);
  if (integer.length > MAX_WHOLE) return undefined;
  const decimals = text.slice(-DECIMALS).replace(/0+$/, '');
  return decimals === '' ? integer : `${integer}.${decimals}`;
}
