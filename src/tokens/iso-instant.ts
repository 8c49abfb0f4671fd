const ISO_WITH_ZONE = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/;

/** Ms since 1970 of an ISO 8601 instant with a zone; NaN for anything else, and for days such as February 30. */
export function isoInstant(text: string): number {
  const match = ISO_WITH_ZONE.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day] = match;
  return Number(day) <= daysIn(Number(year), Number(month)) ? Date.parse(text) : Number.NaN;
}

/** A day 0 is the last one of the month before. */
function daysIn(year: number, month: number): number {
  const end = new Date(0);
  end.setUTCFullYear(year, month, 0);
  return end.getUTCDate();
}
