import { isIP } from 'node:net';
import { isZone } from '../clock/zones.js';

/** Reads one setting; throws {@link BadSetting} with the reason. The text is trimmed and not empty. */
export type Parser<T> = (text: string) => T;

/** Why a text is no value of its setting; completes the sentence "<name> must be …". */
export class BadSetting extends Error {}

export const text: Parser<string> = (value) => value;

export function textUpTo(most: number): Parser<string> {
  return (value) => {
    if (Array.from(value).length <= most) return value;
    throw new BadSetting(`a text of at most ${most} characters`);
  };
}

/** A whole number, bounds included. */
export function wholeNumber(min: number, max: number): Parser<number> {
  return (value) => {
    const parsed = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (parsed >= min && parsed <= max) return parsed;
    throw new BadSetting(`a whole number from ${min} to ${max}`);
  };
}

const secondsPer = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Seconds: `90`, `90s`, `15m`, `12h` or `30d`; bounds in seconds, included. */
export function seconds(min: number, max: number): Parser<number> {
  return (value) => {
    const match = /^(\d{1,9})\s?([smhd]?)$/.exec(value);
    const unit = (match?.[2] || 's') as keyof typeof secondsPer;
    const parsed = match === null ? NaN : Number(match[1]) * secondsPer[unit];
    if (parsed >= min && parsed <= max) return parsed;
    throw new BadSetting(`a time from ${min} to ${max} seconds, such as 90, 90s, 15m or 1d`);
  };
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Parser<T> {
  return (value) => {
    const found = allowed.find((candidate) => candidate === value.toLowerCase());
    if (found !== undefined) return found;
    throw new BadSetting(allowed.join(', ').replace(/, ([^,]*)$/, ' or $1'));
  };
}

export const onOrOff: Parser<boolean> = (value) => {
  if (/^(on|true|1|yes)$/i.test(value)) return true;
  if (/^(off|false|0|no)$/i.test(value)) return false;
  throw new BadSetting('on or off');
};

/** Comma-separated; blanks around entries are dropped, empty entries are an error. */
export function listOf<T>(entry: Parser<T>): Parser<readonly T[]> {
  return (value) =>
    value.split(',').map((part) => {
      const trimmed = part.trim();
      if (trimmed === '') throw new BadSetting('a comma-separated list without empty entries');
      return entry(trimmed);
    });
}

/** An address to listen on: an IP address or a host name. */
export const listenHost: Parser<string> = (value) => {
  if (isIP(value) !== 0 || isHostName(value)) return value;
  throw new BadSetting('an IP address or a host name');
};

/** A name as it stands in a `Host` header, without a port. */
export const hostName: Parser<string> = (value) => {
  if (isHostName(value) || isIP(value) === 4 || /^\[[0-9a-f:.]+\]$/i.test(value)) return value.toLowerCase();
  throw new BadSetting('host names or addresses without a port, separated by commas');
};

/** An address or a network (CIDR); never a name or a hop count. */
export const addressOrNetwork: Parser<string> = (value) => {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  const withinFamily = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  if (family !== 0 && withinFamily && rest.length === 0) return value;
  throw new BadSetting('IP addresses or networks such as 10.0.0.0/8, separated by commas');
};

/** Scheme, host and port, exactly as a browser sends it. */
export const webOrigin: Parser<string> = (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === value.toLowerCase()) return url.origin;
  throw new BadSetting('origins such as https://example.org, separated by commas, without a path');
};

/** A time zone of the IANA database, as it is written. */
export const zoneName: Parser<string> = (value) => {
  if (isZone(value)) return value;
  throw new BadSetting('IANA time zones such as Europe/Berlin, separated by commas');
};

/** A URL with one of these schemes. What is wrong with it is not shown: it may hold a password. */
export function connectionString(...schemes: readonly string[]): Parser<string> {
  return (value) => {
    if (schemes.some((scheme) => value.startsWith(`${scheme}://`) && value.length > scheme.length + 3)) return value;
    throw new BadSetting(`a connection string that begins with ${schemes.map((s) => `${s}://`).join(' or ')}`);
  };
}

function isHostName(value: string): boolean {
  return value.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i.test(value);
}
