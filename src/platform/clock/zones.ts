/** Zones have several names: this is the one that stands for all of them here. Undefined: there is no such zone. */
export function canonicalZone(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

export function isZone(name: string): boolean {
  return canonicalZone(name) !== undefined;
}
