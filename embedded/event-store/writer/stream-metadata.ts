/** What the metadata of a stream does to reading it. */
export interface StreamMetadata {
  /** Events below this revision are hidden. Infinity: the stream is soft-deleted. */
  readonly truncateBefore: number;
  readonly maxCount: number;
  readonly maxAgeSeconds: number;
  /** All keys, those that mean nothing to the node too. */
  readonly keys: Readonly<Record<string, unknown>>;
}

export const noMetadata: StreamMetadata = { truncateBefore: 0, maxCount: Infinity, maxAgeSeconds: Infinity, keys: {} };

/** A metadata stream keeps its last event only. */
export const metastreamMetadata: StreamMetadata = { ...noMetadata, maxCount: 1 };

/** 2^63-1 is no safe integer: after JSON.parse it is a little off, and nothing else is near it. */
const SOFT_DELETED_FROM = 9.2e18;

/** What a soft delete writes. The number must stay literal: JSON.stringify cannot write it. */
export const softDeleteData = Buffer.from('{"$tb":9223372036854775807}');

const numberOr = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && value >= 0 ? value : otherwise;

/** Reads the data of a metadata event. What is no JSON object is no metadata. */
export const parseStreamMetadata = (data: Buffer): StreamMetadata => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data.toString('utf8'));
  } catch {
    return noMetadata;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return noMetadata;
  const keys = parsed as Record<string, unknown>;
  const truncateBefore = numberOr(keys['$tb'], 0);
  return {
    truncateBefore: truncateBefore >= SOFT_DELETED_FROM ? Infinity : truncateBefore,
    maxCount: numberOr(keys['$maxCount'], Infinity),
    maxAgeSeconds: numberOr(keys['$maxAge'], Infinity),
    keys,
  };
};

/** The data of the metadata event that brings a soft-deleted stream back, beginning at `firstRevision`. */
export const undeleteData = (metadata: StreamMetadata, firstRevision: number): Buffer =>
  Buffer.from(JSON.stringify({ ...metadata.keys, $tb: firstRevision }));
