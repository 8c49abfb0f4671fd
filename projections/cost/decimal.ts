/** Rates per 1,000,000 tokens have at most this many decimals. */
export const RATE_DECIMALS = 6;
/** Tokens are integers, so a cost has at most this many: six of the rate and six of the million. */
export const COST_DECIMALS = 12;

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * A decimal text as an integer count of its smallest unit: `unitsOf('7.5', 6)` is 7500000n. Exact. Throws a RangeError
 * for text that is no plain decimal, and for one with more decimals than asked for that are not zeros.
 */
export function unitsOf(text: string, decimals: number): bigint {
  const digits = allDecimalsOf(text, decimals);
  if (digits !== undefined) return BigInt(digits);
  const match = DECIMAL.exec(text);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  const beyond = fraction.slice(decimals);
  if (match === null || /[^0]/.test(beyond)) throw new RangeError(`no decimal of ${decimals} places: ${text}`);
  const units = BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, '0'));
  return sign === '-' ? -units : units;
}

const ALL_DIGITS = /^\d+$/;

/** The digits of a text without a sign that has all of the decimals, which is what the database gives. */
function allDecimalsOf(text: string, decimals: number): string | undefined {
  const point = text.length - decimals - 1;
  if (decimals === 0 || point < 1 || text[point] !== '.') return undefined;
  const digits = text.slice(0, point) + text.slice(point + 1);
  return ALL_DIGITS.test(digits) ? digits : undefined;
}

/** The inverse of {@link unitsOf}, with all decimals written: `decimalOf(7500000n, 6)` is `'7.500000'`. */
export function decimalOf(units: bigint, decimals: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return decimals === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** The shortest text of the same value: `'003.750'` becomes `'3.75'`. */
export function shortestDecimal(text: string): string {
  const match = DECIMAL.exec(text);
  if (match === null) throw new RangeError(`no decimal: ${text}`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const integer = whole.replace(/^0+(?=\d)/, '');
  const decimals = fraction.replace(/0+$/, '');
  const shortest = decimals === '' ? integer : `${integer}.${decimals}`;
  return shortest === '0' ? shortest : sign + shortest;
}
